import type { Command } from 'commander';
import { bridgeErrors } from '../../cdc-bridge/errors.ts';
import { isAlarming } from '../../cdc-bridge/health/kept-binlog.ts';
import { storedDistance } from '../../cdc-bridge/health/purge-watch.ts';
import { cursorName } from '../../cdc-bridge/positions/cursor.ts';
import { preflight } from '../../cdc-bridge/preflight/preflight.ts';
import { openLog } from '../../event-log/open.ts';
import { bridgeConfig } from '../bridge-slice.ts';
import { green, print, red, yellow } from '../print.ts';
import { openSystem, type System } from '../system.ts';
import { describePurge } from './cdc/status.ts';

/** One thing that was looked at. */
interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'warning' | 'error';
  readonly found: string;
  /** Lines to type that put it right. */
  readonly fix?: readonly string[];
}

/** `strangler doctor`: looks at everything a running system needs and says what to do about what is missing. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('examine configuration, legacy application, database, log and our own processes')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<{ config: string; json?: boolean }>();
      const findings = await examine(openSystem(options.config));
      print(options, findings, (all) => all.map(line).join('\n'));
      if (findings.some(({ state }) => state === 'error')) process.exitCode = 1;
    });
}

async function examine(system: System): Promise<Finding[]> {
  const { configuration, addresses } = system;
  const services = Object.entries(configuration.capabilities).flatMap(([name, { service }]) =>
    service ? [{ name, service }] : [],
  );
  const groups = await Promise.all([
    [{ what: 'configuration', state: 'ok' as const, found: system.files.join(', ') }],
    answering('legacy application', configuration.legacy.url, 'error'),
    database(system),
    log(system),
    ...(configuration.legacy.database && !configuration.legacy.database.topics ? [purge(system)] : []),
    answering('gateway', `${addresses.admin}/healthz`, 'error'),
    ...(addresses.bridge ? [answering('bridge', `${addresses.bridge}/readyz`, 'error')] : []),
    ...services.map(({ name, service }) => answering(`service of ${name}`, service.url, 'warning')),
  ]);
  return groups.flat();
}

/** Any HTTP answer will do: a 404 is an answer. Only our own readiness must be 2xx. */
async function answering(what: string, url: string, otherwise: 'warning' | 'error'): Promise<Finding[]> {
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(3_000) });
    const text = await answer.text();
    if (answer.status < 500) return [{ what, state: 'ok', found: `${url} answers` }];
    return [{ what, state: otherwise, found: `${url} answers ${answer.status}: ${text.slice(0, 200).trim()}` }];
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    return [{ what, state: otherwise, found: `${url} does not answer (${cause?.code ?? (error as Error).message})` }];
  }
}

async function database({ configuration }: System): Promise<Finding[]> {
  const what = 'legacy database';
  if (!configuration.legacy.database) return [{ what, state: 'ok', found: 'none configured: routing and shadow only' }];
  try {
    const problems = await preflight(bridgeConfig(configuration));
    if (problems.length === 0) return [{ what, state: 'ok', found: 'fit to be followed' }];
    return problems.map(({ severity, message, fix }) => ({ what, state: severity, found: message, fix }));
  } catch (error) {
    return [{ what, state: 'error', found: (error as Error).message }];
  }
}

async function log({ logUrl }: System): Promise<Finding[]> {
  try {
    const opened = openLog(logUrl);
    const { offset } = await opened.head('domain');
    await opened.close();
    return [{ what: 'event log', state: 'ok', found: `${logUrl}, ${offset} domain events` }];
  } catch (error) {
    return [{ what: 'event log', state: 'error', found: (error as Error).message }];
  }
}

/** How long the server keeps what the bridge has still to read: asked of log and database, so that a bridge that is away is told of too. */
async function purge({ configuration, logUrl }: System): Promise<Finding[]> {
  const what = 'distance to purge';
  const config = bridgeConfig(configuration);
  try {
    const opened = openLog(logUrl);
    const stored = await opened.cursor(cursorName(config.name)).finally(() => opened.close());
    if (!stored) return [{ what, state: 'ok', found: 'the bridge has no position yet' }];
    const distance = await storedDistance(config, stored);
    const state = distance.isPurged ? 'error' : isAlarming(distance) ? 'warning' : 'ok';
    const fix = distance.isPurged ? [`-- ${bridgeErrors['position-not-on-server'].remedy}`] : longerRetention;
    return [{ what, state, found: describePurge(distance), ...(state !== 'ok' && { fix }) }];
  } catch (error) {
    return [{ what, state: 'warning', found: (error as Error).message }];
  }
}

const longerRetention = ['SET GLOBAL binlog_expire_logs_seconds = 864000', '-- and see to it that the bridge reads on'];

const marks = { ok: green('ok     '), warning: yellow('warning'), error: red('error  ') };

function line({ what, state, found, fix = [] }: Finding): string {
  return [`${marks[state]}  ${what}: ${found}`, ...fix.map((statement) => `           ${statement}`)].join('\n');
}
