import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Installs the packages when they are missing or older than the lock file; built-in modules only, since nothing else is there yet.
 * `scope` is what the caller needs: 'run' (without development packages) or 'develop' (all).
 */
export function ensurePackages(scope) {
  refuseOldNode();
  const missing = missingPackages(scope);
  if (missing.length > 0) install(scope, missing);
  linkCommand();
}

function install(scope, missing) {
  const started = Date.now();
  process.stdout.write(`packages    installing (${missing.length} missing or outdated, first: ${missing[0]}) … `);
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...(scope === 'run' ? ['--omit=dev'] : [])];
  const result = spawnSync('npm', args, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
  if (result.status !== 0) {
    process.stdout.write('failed\n');
    process.stderr.write(
      `${result.stderr || result.error || ''}\nnpm ci failed; run it by hand in ${root} to see why.\n`,
    );
    process.exit(1);
  }
  process.stdout.write(`${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

/** Lets `npx strangler` find the command of this very checkout; npm links the commands of dependencies only. */
function linkCommand() {
  const link = join(root, 'node_modules', '.bin', 'strangler');
  if (existsSync(link) || process.platform === 'win32') return;
  try {
    symlinkSync(join('..', '..', 'cli', 'strangler.mjs'), link);
  } catch (error) {
    // Another process was first, or the packages belong to somebody else and are read-only: `node cli/strangler.mjs` works as well.
    if (!['EEXIST', 'EACCES', 'EROFS'].includes(error.code)) throw error;
  }
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  process.stderr.write(`Found Node ${process.versions.node}, expected 20.19 or newer.\n`);
  process.exit(1);
}

/** Names from the lock file that node_modules lacks or has in another version. npm keeps what it installed in node_modules/.package-lock.json. */
function missingPackages(scope) {
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const hidden = join(root, 'node_modules', '.package-lock.json');
  const installed = existsSync(hidden) ? JSON.parse(readFileSync(hidden, 'utf8')).packages : {};
  return Object.entries(wanted)
    .filter(([path, entry]) => path && !entry.optional && !(scope === 'run' && entry.dev))
    .filter(([path, entry]) => installed[path]?.version !== entry.version)
    .map(([path]) => path.replace('node_modules/', ''));
}
