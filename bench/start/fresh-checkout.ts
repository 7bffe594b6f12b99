import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { freePort } from '../../test/free-port.ts';
import { until } from '../../test/until.ts';
import { nowMs } from '../clock.ts';

const root = resolve(import.meta.dirname, '..', '..');
const leftOut = new Set(['.git', '.data', 'node_modules']);
/** A database or an application given by URL would be measured in place of our own. */
const environment = { ...process.env, LEGACY_DB_URL: undefined, LEGACY_URL: undefined };

/** A start as its user sees it. */
export interface Started {
  readonly seconds: number;
  /** Seconds that a step says it took, by its name: database, legacy, data, gateway. */
  readonly steps: Readonly<Record<string, number>>;
}

/** A copy of this checkout with nothing in `.data`, on ports of its own, with the packages of node_modules already there. */
export interface FreshCheckout {
  readonly site: string;
  /** Ids of what it runs, by name: legacy, data, gateway, mariadb. */
  pids(): Record<string, number>;
  /** What `npm start` runs, until it says that it is ready. */
  start(): Promise<Started>;
  /** Milliseconds that a command of `strangler` takes, start to exit. */
  strangler(...args: string[]): Promise<number>;
  /** Ctrl-C, and waits for the end. */
  stop(): Promise<void>;
  remove(): Promise<void>;
}

export async function freshCheckout(): Promise<FreshCheckout> {
  const folder = mkdtempSync(join(tmpdir(), 'strangler-bench-'));
  cpSync(root, folder, { recursive: true, filter: (path) => !leftOut.has(basename(path)) });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const publicPort = await moveToFreePorts(folder);
  let child: ChildProcess | undefined;
  const stop = async () => {
    if (!child || child.exitCode !== null) return;
    child.kill('SIGINT');
    await once(child, 'exit');
  };
  const data = (...names: string[]) => readFileSync(join(folder, '.data', ...names), 'utf8');
  return {
    site: `http://127.0.0.1:${publicPort}`,
    pids: () => ({
      ...JSON.parse(data('logs', 'processes.json')),
      mariadb: Number(data('database', 'data', 'server.pid')),
    }),
    async start() {
      const startedAt = nowMs();
      let printed = '';
      child = spawn(process.execPath, [join(folder, 'cli', 'npm-start.mjs')], {
        cwd: folder,
        env: environment,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (printed += chunk));
      await until(
        () => printed.includes('Ready in') || child!.exitCode !== null,
        180_000,
        () => `ready:\n${printed}`,
      );
      if (child.exitCode !== null) throw new Error(`the system ended with ${child.exitCode}:\n${printed}`);
      return { seconds: (nowMs() - startedAt) / 1_000, steps: stepSeconds(printed) };
    },
    async strangler(...args) {
      const startedAt = nowMs();
      const program = join(folder, 'cli', 'strangler.mjs');
      const command = spawn(process.execPath, [program, ...args], { cwd: folder, env: environment, stdio: 'ignore' });
      const [code] = await once(command, 'exit');
      if (code !== 0) throw new Error(`strangler ${args.join(' ')} ended with ${code}`);
      return nowMs() - startedAt;
    },
    stop,
    async remove() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The configuration names ports 8000 and 8080 to 8083. Returns the public one's replacement. */
async function moveToFreePorts(folder: string): Promise<number> {
  const moved = new Map<string, number>();
  for (const port of ['8000', '8080', '8081', '8082', '8083']) moved.set(port, await freePort());
  for (const file of ['strangler.yaml', 'capabilities/shipments.yaml']) {
    const text = readFileSync(join(folder, file), 'utf8');
    const replaced = text.replace(/\b80(?:00|8[0-3])\b/g, (port) => String(moved.get(port)));
    writeFileSync(join(folder, file), replaced);
  }
  return moved.get('8080')!;
}

/** Reads `database    MariaDB 10.11.19, …  0.6 s` and the like. */
function stepSeconds(printed: string): Record<string, number> {
  const lines = printed.matchAll(/^(database|legacy|data|gateway) .* (\d+\.\d) s$/gm);
  return Object.fromEntries([...lines].map(([, name, seconds]) => [name!, Number(seconds)]));
}
