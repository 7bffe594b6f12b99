import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../../runtime/serve.ts';
import { until } from '../until.ts';

const root = resolve(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** Commands of the README in order; a block's indentation is not theirs. */
const commands = [...readme.matchAll(/^( *)```sh\n([\s\S]*?)^ *```$/gm)].flatMap(([, indent, block]) =>
  block!
    .split('\n')
    .map((line) => line.replace(indent!, ''))
    .filter(Boolean),
);
const smallest = /```yaml\n(# my-app\.yaml\n[\s\S]*?)```/.exec(readme)![1]!;

/** A copy of what git tracks or would track, with the packages of this checkout: README's ports and file names are used as they stand. */
describe('the commands of README.md, exactly as written', () => {
  /** A name as people give them: a space or a letter beyond ASCII in it once kept npm start from finding its own programs. */
  const folder = mkdtempSync(join(tmpdir(), 'my first project é '));
  let started: ChildProcess | undefined;
  beforeAll(() => {
    const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
    });
    for (const file of files.split('\n').filter(Boolean))
      cpSync(join(root, file), join(folder, file), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const unpacked = join('.data', 'packages', 'mariadb');
    if (existsSync(join(root, unpacked))) cpSync(join(root, unpacked), join(folder, unpacked), { recursive: true });
  });
  afterAll(async () => {
    await stop(started);
    rmSync(folder, { recursive: true, force: true });
  });

  it('begins with npm start and ends with a configuration of one’s own', () => {
    expect(commands[0]).toBe('npm start');
    expect(commands.at(-1)).toBe('npx strangler start --config my-app.yaml');
    expect(commands.length).toBeGreaterThan(10);
  });

  it('start the system and run one after the other', async () => {
    started = launch(commands[0]!, folder);
    await until(
      () => printed(started!).includes('Ready in') || started!.exitCode !== null,
      120_000,
      () => printed(started!),
    );
    expect(started.exitCode).toBeNull();
    for (const command of commands.slice(1, -2)) {
      const { code, output } = await shell(command, folder);
      expect(code, `${command}\n${output}`).toBe(0);
      if (command.startsWith('curl')) expect(JSON.stringify(JSON.parse(output)), command).toContain('bill');
      else expect(output.trim(), command).not.toBe('');
    }
    await stop(started);
  }, 240_000);

  it('put the gateway before an application that is not ours', async () => {
    const answer = 'somebody else’s application';
    const application = await serve(
      createServer((_, response) => response.end(answer)),
      { port: 8000 },
    );
    writeFileSync(join(folder, 'my-app.yaml'), smallest);
    const checked = await shell(commands.at(-2)!, folder);
    expect(checked.code, checked.output).toBe(0);
    const gateway = launch(commands.at(-1)!, folder);
    try {
      const get = async (path: string) => (await fetch(`http://localhost:8080${path}`)).text();
      expect(
        await until(
          () => get('/anything'),
          30_000,
          () => printed(gateway),
        ),
      ).toBe(answer);
      expect(await get('/shipments/7')).toBe(answer);
    } finally {
      await stop(gateway);
      await application.stop(0);
    }
  }, 60_000);
});

const outputs = new WeakMap<ChildProcess, string>();
const printed = (child: ChildProcess) => outputs.get(child) ?? '';

/** Runs a line as a shell would, in a process group of its own, without what this test run has in its environment. */
function launch(command: string, cwd: string): ChildProcess {
  const { TEST_DB_URL: _, ...environment } = process.env;
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const child = spawn('sh', ['-c', command], {
    cwd,
    env: { ...environment, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk) => outputs.set(child, printed(child) + chunk));
  return child;
}

async function shell(command: string, cwd: string): Promise<{ code: number; output: string }> {
  const child = launch(command, cwd);
  const [code] = await once(child, 'close');
  return { code, output: printed(child) };
}

/** Ctrl-C in a terminal reaches every process of the foreground group. */
async function stop(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  process.kill(-child.pid!, 'SIGINT');
  await closed;
}
