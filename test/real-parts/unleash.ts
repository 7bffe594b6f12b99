import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { bringPackage } from './npm-package.ts';
import { startPostgres } from './postgres.ts';
import type { RealPart } from './real-part.ts';
import { startTied, type TiedProgram } from './tied-process.ts';

const version = '7.5.1';
/** A first start lays out the database in hundreds of migrations. */
const startMs = 120_000;

/** A real Unleash server of this run's own, with its project `default` and its environment `development`. */
export interface RunningUnleash extends RealPart {
  /** Its API, the form that clients are configured with: `http://127.0.0.1:20001/api`. Stays the same over restarts. */
  readonly url: string;
  /** May do anything. */
  readonly adminToken: string;
  /** May read the flags of the project `default` in the environment `development`, as a gateway does. */
  readonly clientToken: string;
  /** Ends the server at once, as a crash would: its port is closed, its database stays. */
  kill(): Promise<void>;
  /** Starts the server again after `kill`, on the same port and database; resolves when it answers. Does nothing to one that runs. */
  restart(): Promise<void>;
  /** Makes the server hang: connections are accepted, nothing is answered. */
  freeze(): void;
  /** Ends what `freeze` began. */
  thaw(): void;
}

/** Brings and starts Unleash (https://www.npmjs.com/package/unleash-server) on a PostgreSQL of its own. Throws RealPartUnavailable. */
export async function startUnleash(): Promise<RunningUnleash> {
  const directory = await bringPackage({ folder: 'unleash', name: 'unleash-server', version });
  const postgres = await startPostgres();
  const home = mkdtempSync(join(tmpdir(), 'unleash-'));
  const port = await freePort();
  const adminToken = `*:*.${randomBytes(16).toString('hex')}`;
  const clientToken = `default:development.${randomBytes(16).toString('hex')}`;
  const program: TiedProgram = {
    command: process.execPath,
    args: [join(directory, 'dist', 'server.js')],
    options: { cwd: home, env: environment({ databaseUrl: postgres.url, port, adminToken, clientToken }) },
    stopSignal: 'SIGTERM',
    log: join(home, 'unleash.log'),
    isReady: () => isHealthy(port),
    readyWithinMs: startMs,
  };
  const remove = async () => {
    await postgres.stop();
    rmSync(home, { recursive: true, force: true });
  };
  let server = await startTied(program).catch(async (error) => {
    await remove();
    throw error;
  });
  return {
    version: `${version} on PostgreSQL ${postgres.version}`,
    url: `http://127.0.0.1:${port}/api`,
    adminToken,
    clientToken,
    async kill() {
      server.signal('SIGKILL');
      await server.exited;
    },
    async restart() {
      if (!server.isRunning()) server = await startTied(program);
    },
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
    async stop() {
      await server.stop();
      await remove();
    },
  };
}

/** All of it: nothing of this process's own environment reaches the server, and the server calls nobody. */
function environment(of: { databaseUrl: string; port: number; adminToken: string; clientToken: string }) {
  return {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    DATABASE_URL: of.databaseUrl,
    DATABASE_SSL: 'false',
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: String(of.port),
    INIT_ADMIN_API_TOKENS: of.adminToken,
    INIT_BACKEND_API_TOKENS: of.clientToken,
    CHECK_VERSION: 'false',
    SEND_TELEMETRY: 'false',
  };
}

function isHealthy(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
