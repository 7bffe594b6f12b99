import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError } from './admin-client.ts';
import { readIfThere, removeDataDirectory } from './data-directory.ts';
import { findDatabase } from './database/find-database.ts';
import { readEnvironment, rememberChoices } from './environment.ts';
import { bold, dim } from './print.ts';
import { isProcess } from './processes.ts';
import { Supervisor } from './supervisor.ts';
import { openSystem, type System } from './system.ts';
import { startPrograms } from './system-programs.ts';
import { aborted, untilStopped } from './until-stopped.ts';

/** A private database's port unless LEGACY_DB_PORT names another; where it is taken, the next that is free. */
const databasePort = '13306';
const legacyProgram = fileURLToPath(new URL('./run-legacy.mjs', import.meta.url));

/**
 * `npm start`: the whole sample system on this machine. (1) a database, (2) the legacy application on it, (3) the data side and the
 * gateway; then it waits for Ctrl-C and stops what it started, the last first.
 */
export async function demo(options: { single?: boolean }): Promise<void> {
  const started = Date.now();
  const directory = '.data';
  await refuseSecondStart(directory);
  const supervisor = new Supervisor(join(directory, 'logs'), (line) => say('restart', line));
  await untilStopped(async (signal) => {
    const database = await timed('database', async () => {
      const environment = readEnvironment({ chosen: false });
      const found = await findDatabase({
        packages: fileURLToPath(new URL('../.data/packages', import.meta.url)),
        data: join(directory, 'database'),
        port: await freePortFrom(Number(environment.LEGACY_DB_PORT ?? databasePort)),
        environment,
        report: (doing) => say('database', doing),
      });
      return [found, found.choice] as const;
    });
    try {
      rememberChoices({ LEGACY_DB_URL: database.bridgeUrl });
      const system = openSystem('strangler.yaml');
      writeFileSync(pidPath(directory), String(process.pid));
      await portsAreFree(system);
      if (process.env.LEGACY_URL) say('legacy', `${process.env.LEGACY_URL}, given by LEGACY_URL`);
      else await timed('legacy', () => startLegacy(supervisor, system, database.applicationUrl, directory));
      await startPrograms(supervisor, system, options, say);
      process.stdout.write(welcome(system, Date.now() - started));
      await aborted(signal);
      say('stopping', [...supervisor.pids].map(([name, pid]) => `${name} (${pid})`).join(', '));
    } finally {
      await supervisor.stop();
      await database.stop();
    }
  });
  say('stopped', 'everything is kept in .data; npm start goes on, npm run reset starts afresh');
}

/** The sample legacy application, at the address where the configuration expects one. */
async function startLegacy(supervisor: Supervisor, system: System, databaseUrl: string, directory: string) {
  const { url } = system.configuration.legacy;
  const ready = await supervisor.start({
    name: 'legacy',
    args: [legacyProgram],
    environment: { LEGACY_DB_URL: databaseUrl, PORT: new URL(url).port, UPLOAD_DIR: join(directory, 'uploads') },
    readyUrl: `${url}/login`,
  });
  const state = ready ? 'a LAMP-style application; it knows nothing of the rest' : 'not ready yet';
  return [undefined, `${url}  (${state})`] as const;
}

/** `npm run reset`: forgets everything, after making sure that nothing is running on it. */
export async function reset(): Promise<void> {
  await refuseSecondStart('.data');
  removeDataDirectory('.data');
  say('reset', '.data is gone');
}

const pidPath = (directory: string) => join(directory, 'start.pid');

async function refuseSecondStart(directory: string): Promise<void> {
  const pid = Number(readIfThere(pidPath(directory)));
  if (pid && pid !== process.pid && (await isProcess(pid, 'npm-start'))) {
    throw new CommandError(`already running as process ${pid}; stop that one first (Ctrl-C there, or: kill ${pid})`);
  }
}

async function portsAreFree({ configuration: { legacy, listeners, services } }: System): Promise<void> {
  const wanted = {
    'legacy application': process.env.LEGACY_URL ? undefined : Number(new URL(legacy.url).port),
    gateway: listeners.public.port,
    'admin API': listeners.admin.port,
    bridge: listeners.bridge.port,
    services: services?.port,
  };
  for (const [name, port] of Object.entries(wanted)) {
    if (port && (await isListening(port)))
      throw new CommandError(`port ${port}, wanted for the ${name}, is in use by another program`);
  }
}

async function freePortFrom(port: number): Promise<number> {
  return (await isListening(port)) ? freePortFrom(port + 1) : port;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function timed<T>(name: string, work: () => Promise<readonly [T, string]>): Promise<T> {
  const started = Date.now();
  const [result, choice] = await work();
  say(name, `${choice}  ${dim(seconds(Date.now() - started))}`);
  return result;
}

function say(name: string, text: string): void {
  process.stdout.write(`${bold(name.padEnd(10))}  ${text}\n`);
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

function welcome({ addresses, dataDir }: System, tookMs: number): string {
  const site = addresses.public.replace('127.0.0.1', 'localhost');
  return `
${bold(`Ready in ${seconds(tookMs)}`)}: the legacy application behind the gateway at ${bold(`${site}/`)}  (log in as alice / secret)
Data and logs are in ${dataDir}; Ctrl-C stops everything.

Try, in another terminal:
  curl -s ${site}/shipments/7                        the legacy application answers
  curl -s -H 'x-beta: 1' ${site}/shipments/7         the new service answers, from its own projection
  npx strangler flags on new-shipments                           now everybody gets the new side (off: and back)
  npx strangler explain GET /shipments/7 -H 'x-beta: 1'          which side, and every step of why
  npx strangler events tail                                      change a status in the browser and watch
  npx strangler shadow report                                    what was compared, what differed

`;
}
