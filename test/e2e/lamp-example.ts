import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Verdict } from '../../cdc-bridge/oracle/difference.ts';
import { verify } from '../../cdc-bridge/oracle/verify.ts';
import { binlogSource } from '../../cdc-bridge/source/binlog/binlog-source.ts';
import { connectionSettings } from '../../cdc-bridge/source/connection-settings.ts';
import { LegacyDatabase } from '../../cdc-bridge/source/legacy-database.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { openLog } from '../../event-log/open.ts';
import { startChild } from '../../runtime/child-process.ts';
import { allEvents, bridgeConfig, caughtUp } from '../cdc-bridge/legacy.ts';
import { freePort } from '../free-port.ts';
import { until } from '../until.ts';
import { type CommandResult, run } from './system.ts';

const root = resolve(import.meta.dirname, '..', '..');
const program = join(root, 'cli', 'strangler.mjs');

/** One of `examples/` at work: gateway and bridge before a real application. */
export interface RunningExample {
  /** Where visitors come to: `http://localhost:20000`. */
  readonly site: string;
  strangler(...args: string[]): Promise<CommandResult>;
  /** Domain events once everything that is committed now is on the log, from an offset on. */
  events(from?: number): Promise<RecordedEvent[]>;
  stop(): Promise<void>;
}

/** Starts `examples/NAME` as its files are, but for the ports; `variables` are those of the environment that they name. Resolves when all is imported. */
export async function startExample(name: string, variables: NodeJS.ProcessEnv): Promise<RunningExample> {
  const folder = mkdtempSync(join(tmpdir(), `example-${name}-`));
  const [port, adminPort, bridgePort] = [await freePort(), await freePort(), await freePort()];
  writeFileSync(join(folder, 'strangler.yaml'), onPorts(join(root, 'examples', name), port, adminPort, bridgePort));
  const env = { ...process.env, ...variables };
  const output = join(folder, 'output.log');
  const opened = openSync(output, 'a');
  const child = await startChild(process.execPath, [program, 'start', '--single'], {
    cwd: folder,
    env,
    stdio: ['ignore', opened, opened],
  });
  closeSync(opened);
  const stop = async () => {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const bridge = `http://127.0.0.1:${bridgePort}`;
  const strangler = (...args: string[]) => run(program, args, folder, env);
  const isUp = async () => {
    if (child.process.exitCode !== null) return true;
    return (await isStreaming(bridge)) && (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok;
  };
  const whatItSaid = () => `${name} to have imported its tables; it says:\n${readFileSync(output, 'utf8')}`;
  try {
    await until(isUp, 60_000, whatItSaid);
    if (child.process.exitCode !== null) throw new Error(`expected ${whatItSaid()}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    site: `http://localhost:${port}`,
    strangler,
    async events(from = 0) {
      await caughtUp({ url: bridge });
      const log = openLog(`sqlite:${join(folder, '.data', 'log.db')}`);
      try {
        return (await allEvents(log)).slice(from);
      } finally {
        await log.close();
      }
    },
    stop,
  };
}

function onPorts(example: string, port: number, adminPort: number, bridgePort: number): string {
  const written = parse(readFileSync(join(example, 'strangler.yaml'), 'utf8'));
  const capabilities = Object.entries<string>(written.capabilities).map(([name, file]) => [name, join(example, file)]);
  return stringify({
    ...written,
    listeners: { public: { port }, admin: { port: adminPort }, bridge: { port: bridgePort } },
    capabilities: Object.fromEntries(capabilities),
  });
}

async function isStreaming(bridge: string): Promise<boolean> {
  const { phase, failure } = (await (await fetch(`${bridge}/status`)).json()) as { phase: string; failure?: string };
  if (failure !== undefined) throw new Error(failure);
  return phase === 'streaming';
}

/** Lets `write` run between the oracle's two looks at a database. */
export async function verified(url: string, write: () => Promise<void>): Promise<Verdict> {
  const config = bridgeConfig({ url }).database;
  const database = await LegacyDatabase.connect(connectionSettings(config));
  try {
    return await verify(
      database,
      binlogSource(database, config, () => {}),
      {
        maxDifferences: 20,
        wait: write,
        onProgress: () => {},
        signal: AbortSignal.timeout(240_000),
      },
    );
  } finally {
    await database.close();
  }
}

/** What an event says, without what differs from run to run. */
export function told({ action, data, meta }: RecordedEvent): [string, string, object] {
  return [meta.stream, action, data as object];
}
