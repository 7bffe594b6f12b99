import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../free-port.ts';
import { until } from '../until.ts';

const root = resolve(import.meta.dirname, '..', '..');

/** The sample system, started as a user starts it, in a folder and on ports of its own. */
export interface TestSystem {
  readonly folder: string;
  readonly site: string;
  readonly admin: string;
  readonly services: string;
  readonly bridge: string;
  readonly legacy: string;
  /** All it has printed. */
  output(): string;
  /** Ids of the processes it runs, by name: legacy, data, gateway. */
  pids(): Record<string, number>;
  /** Runs the command line; resolves with how it ended. */
  strangler(...args: string[]): Promise<CommandResult>;
  /** Ctrl-C, and waits for the end. */
  stop(): Promise<number>;
  /** SIGKILL for the supervising process only. */
  kill(): Promise<void>;
  /** Starts again in the same folder. */
  start(): Promise<void>;
  /** Stops what runs and removes the folder. */
  remove(): Promise<void>;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with the repository's own configuration, on free ports instead of 8000 and 8080 to 8083. */
export interface SystemFolder {
  readonly path: string;
  /** One more free port. */
  readonly spare: number;
  /** `http://127.0.0.1:…` for one of the usual ports. */
  at(port: string): string;
}

export async function layOutSystem(): Promise<SystemFolder> {
  const path = mkdtempSync(join(tmpdir(), 'strangler-'));
  const ports = await distinctPorts(['8000', '8080', '8081', '8082', '8083', 'spare']);
  layOut(path, ports);
  return { path, spare: ports.get('spare')!, at: (port) => `http://127.0.0.1:${ports.get(port)}` };
}

/** Starts the system in such a folder. */
export async function startSystem({ args = [] }: { args?: string[] } = {}): Promise<TestSystem> {
  const { path: folder, at, spare } = await layOutSystem();
  let child: ChildProcess | undefined;
  let printed = '';

  const start = async () => {
    printed = '';
    child = spawn(process.execPath, [join(root, 'cli', 'npm-start.mjs'), ...args], {
      cwd: folder,
      env: { ...process.env, LEGACY_DB_PORT: String(spare) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (printed += chunk));
    const ready = () => printed.includes('Ready in') || child!.exitCode !== null;
    await until(ready, 90_000, () => `the system to be ready; it printed:\n${printed}`);
    if (child.exitCode !== null)
      throw new Error(`the system ended with ${child.exitCode}:\n${printed}\n${logs(folder)}`);
  };
  const stop = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? 0;
    const exit = once(child, 'exit');
    child.kill('SIGINT');
    const [code] = await exit;
    return code as number;
  };
  await start();
  return {
    folder,
    site: at('8080'),
    admin: at('8081'),
    services: at('8082'),
    bridge: at('8083'),
    legacy: at('8000'),
    output: () => printed,
    pids: () => JSON.parse(readFileSync(join(folder, '.data', 'logs', 'processes.json'), 'utf8')),
    strangler: (...words) => run(join(root, 'cli', 'strangler.mjs'), words, folder),
    stop,
    async kill() {
      const exit = once(child!, 'exit');
      child!.kill('SIGKILL');
      await exit;
    },
    start,
    async remove() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a program of ours to its end. */
export async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env = process.env,
): Promise<CommandResult> {
  const child = spawn(process.execPath, [program, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

function layOut(folder: string, ports: ReadonlyMap<string, number>): void {
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, 'capabilities'), join(folder, 'capabilities'), { recursive: true });
  for (const file of ['strangler.yaml', 'capabilities/shipments.yaml']) {
    const text = readFileSync(join(root, file), 'utf8');
    writeFileSync(
      join(folder, file),
      text.replace(/\b80(?:00|8[0-3])\b/g, (port) => String(ports.get(port))),
    );
  }
}

async function distinctPorts(names: readonly string[]): Promise<Map<string, number>> {
  const ports = new Map<string, number>();
  while (ports.size < names.length) {
    const port = await freePort();
    if (![...ports.values()].includes(port)) ports.set(names[ports.size]!, port);
  }
  return ports;
}

function logs(folder: string): string {
  return ['legacy', 'data', 'gateway']
    .map((name) => {
      try {
        return `${name}.log: ${readFileSync(join(folder, '.data', 'logs', `${name}.log`), 'utf8').slice(-2_000)}`;
      } catch {
        return `${name}.log: none`;
      }
    })
    .join('\n');
}
