import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { LegacyConfig } from './config.ts';
import { install } from './install.ts';
import { routes } from './routes.ts';
import { scriptRunner, sendFailure } from './visit.ts';
import { Workers } from './workers.ts';

/** A started application: where it is, and how it ends. */
export interface RunningApplication {
  readonly port: number;
  /** `http://127.0.0.1:8000` */
  readonly url: string;
  /**
   * Stops accepting, lets requests in flight finish, cuts what is left after `drainMs`. Resolves when every socket is
   * closed. Idempotent.
   */
  stop(drainMs?: number): Promise<void>;
}

/**
 * How many requests work at the same time, each with a connection: Apache's MaxClients, well below MariaDB's 151
 * connections.
 */
const maxClients = 64;
const maxBodyBytes = 1024 * 1024;

/**
 * A LAMP application as they were written in 2009, about shipments, complete in itself. In this order:
 *
 * 1. `install.ts` creates database, tables (`schema.sql`) and first data (`seed.sql`) once.
 * 2. `routes.ts` finds the script for a request; bodies are read before it runs.
 * 3. `visit.ts` runs it: a worker, a connection of its own (`database.ts`), the session and its lock (`session.ts`).
 * 4. `scripts/` do the work of pages, one autocommitted statement at a time; `rest/` do it for plain REST.
 * 5. `pages/` make the HTML; `answer.ts` sends it.
 *
 * Rejects when the database cannot be reached or the port cannot be opened. Later the database may come and go:
 * meanwhile answers are 500.
 */
export async function startApplication(config: LegacyConfig): Promise<RunningApplication> {
  await install(config.database);
  const server = createServer(await createApplication(config));
  server.listen(config.port, config.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  return { port, url: `http://${host}:${port}`, stop: stopperOf(server) };
}

async function createApplication({ database, uploadDir }: LegacyConfig): Promise<Express> {
  const application = express();
  application.disable('x-powered-by');
  application.set('query parser', 'simple');
  application.use(forWrites(express.urlencoded({ extended: false, limit: maxBodyBytes })));
  application.use(forWrites(express.json({ limit: maxBodyBytes })));
  application.use(await routes(scriptRunner(database, new Workers(maxClients)), uploadDir));
  const fail: ErrorRequestHandler = (thrown, request, response, _next) => sendFailure(request, response, thrown);
  application.use(fail);
  return application;
}

/** A body matters to POST and PUT only; whatever comes with another method is ignored. */
function forWrites(parse: RequestHandler): RequestHandler {
  return (request, response, next) => {
    if (request.method === 'POST' || request.method === 'PUT') parse(request, response, next);
    else next();
  };
}

function stopperOf(server: Server): RunningApplication['stop'] {
  let stopped: Promise<void> | undefined;
  return (drainMs = 5_000) => {
    stopped ??= drain(server, drainMs);
    return stopped;
  };
}

async function drain(server: Server, drainMs: number): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const cut = setTimeout(() => server.closeAllConnections(), drainMs);
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  await closed;
  clearTimeout(cut);
  clearInterval(idle);
}
