import { createServer } from 'node:http';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { sendProblem } from '../../runtime/problem.ts';
import { type Served, serve } from '../../runtime/serve.ts';
import { GatewayError, problemOf } from '../errors.ts';
import type { GatheredElsewhere } from '../evidence/evidence.ts';
import { FlagClientApi } from '../flags/client-api.ts';
import { nextStep, previousStep, stageText } from '../journal/rollout-steps.ts';
import { sumRequests } from '../workers/merge.ts';
import type { WorkerReport } from '../workers/workers.ts';
import { describeRequest } from '../written-request.ts';
import { AdminError } from './admin-errors.ts';
import type { AdminPorts, RouteView } from './admin-ports.ts';
import { authorize } from './authorize.ts';
import { bodies, readBody } from './bodies.ts';
import { deleteFlag, flagHistory, getFlag, listFlags, putFlag } from './flag-resource.ts';
import { moveRoutes, unknownRoute } from './move-routes.ts';
import { sdkReports } from './sdk-report.ts';
import { deleteSegment, listSegments, putSegment } from './segment-resource.ts';
import { allDegradations, statusReport } from './status.ts';
import { answerFeatures, takeMetrics, takeRegistration } from './unleash-resource.ts';

/** Serves the admin API. Stopping ends the streams of flags first. */
export async function startAdmin(listen: { port: number; host?: string }, ports: AdminPorts): Promise<Served> {
  const clientApi = ports.unleashUrl === undefined ? new FlagClientApi(ports.journal) : undefined;
  const served = await serve(createServer(createAdmin(ports, clientApi)), listen);
  return {
    ...served,
    stop(drainMs) {
      clientApi?.stop();
      return served.stop(drainMs);
    },
  };
}

/**
 * The admin API. Everything needs the token but /healthz and /readyz; bodies and answers are JSON, errors problem details.
 *
 * - `GET  /healthz` → `{status: "ok"}`: the process answers
 * - `GET  /readyz` → `{status: "ready", degraded: Degradation[]}`: 200 as long as legacy can be served; 503 and `draining` when stopping
 * - `GET  /metrics` → Prometheus text
 * - `GET  /api/status` → `{bypass, log, flags, routes: {STAGE: count}, targets, shadows, degraded}`: see status.ts
 * - `GET  /api/routes` → `{routes: […]}`: see `routeJson`
 * - `GET  /api/routes/NAME` → one of them
 * - `POST /api/routes/NAME/promote`, `…/rollback` `{to?, by?, reason?}` → `{moved: [{route, from, to}]}`; NAME is a route, or a capability
 *   for all its routes; `to` is `legacy`, `shadow`, `canary 25%`, `new` or `retired`
 * - `POST /api/explain` `{method?, url, headers?, clientAddress?, body?, user?, time?}` → ExplainedRequest
 * - `GET  /api/bypass`, `POST /api/bypass` `{on, by?}` → `{on}`
 * - `POST /api/reload` → `{changed: KEY[]}`: the configuration is read again; 422 with `problems` when the one that runs goes on
 * - `GET  /api/flags` → `{flags: FlagView[]}`, `GET /api/flags/NAME` → FlagView
 * - `PUT  /api/flags/NAME` `{enabled, percent?, users?, strategies?, variants?, dependencies?, description?, create?,
 *   by?, reason?}` → FlagView
 * - `DELETE /api/flags/NAME` `{by?, reason?}` → `{archived: NAME}`
 * - `GET  /api/flags/NAME/history` → `{history: FlagChange[]}`, the last change first
 * - `GET  /api/segments` → `{segments: SegmentView[]}`; `PUT /api/segments/NAME` `{constraints, description?, by?, reason?}` → SegmentView;
 *   `DELETE /api/segments/NAME` `{by?, reason?}` → `{archived: NAME}`
 * - `GET  /api/shadow/report` → ShadowReport, with `?route=NAME` of that route alone
 * - `POST /api/shadow/reset` `{route, by?, reason?}` → `{reset: NAME}`
 * - `/api/client/…`: Unleash's client API
 */
export function createAdmin(ports: AdminPorts, clientApi: FlagClientApi | undefined): Express {
  const app = express().disable('x-powered-by').disable('etag');
  app.use((_, response, next) => {
    response.setHeader('cache-control', 'no-store');
    next();
  });
  addHealth(app, ports);
  app.use(authorize(ports.token));
  app.get('/metrics', async (_, response) => {
    const others = await ports.workers.ask('metrics');
    response.type(ports.metrics.contentType).send(await ports.metrics.textWith(others));
  });
  addClientApi(app, ports, clientApi);
  app.use(express.json({ limit: '256kb', type: () => true }));
  addRoutes(app, ports);
  addReload(app, ports);
  addFlags(app, ports);
  addEvidence(app, ports);
  app.use((request) => {
    throw new AdminError('no-such-resource', `found ${request.method} ${request.path}`);
  });
  app.use(answerErrors(ports));
  return app;
}

function addHealth(app: Express, ports: AdminPorts): void {
  app.get('/healthz', (_, response) => void response.json({ status: 'ok' }));
  app.get('/readyz', async (_, response) => {
    const degraded = allDegradations(ports, await ports.workers.ask('report'));
    const draining = ports.draining();
    response.status(draining ? 503 : 200);
    response.json({ status: draining ? 'draining' : 'ready', degraded });
  });
}

/**
 * Unleash's client API over the built-in flags, for Unleash SDKs in any language: give them `http://HOST:ADMIN-PORT/api` and the admin
 * token.
 */
function addClientApi(app: Express, ports: AdminPorts, flags: FlagClientApi | undefined): void {
  if (!flags) {
    app.use('/api/client', () => {
      throw new AdminError('flags-elsewhere', 'ask the Unleash that keeps the flags');
    });
    return;
  }
  app.get('/api/client/features', (request, response) => answerFeatures(flags, request, response));
  app.get('/api/client/streaming', (_, response) => flags.stream(response));
  const body = express.json({ limit: '1mb', type: () => true });
  app.post('/api/client/register', body, (request, response) => {
    takeRegistration(ports, readBody(sdkReports.register, request));
    response.status(202).end();
  });
  app.post('/api/client/metrics', body, (request, response) => {
    takeMetrics(ports, readBody(sdkReports.metrics, request));
    response.status(202).end();
  });
}

function addRoutes(app: Express, ports: AdminPorts): void {
  app.get('/api/status', async (_, response) => void response.json(await statusReport(ports)));
  app.get('/api/routes', async (_, response) => {
    const reports = await ports.workers.ask('report');
    response.json({ routes: ports.routes().map((route) => routeJson(ports, route, reports)) });
  });
  app.get('/api/routes/:name', async (request, response) => {
    const route = ports.routes().find(({ name }) => name === request.params.name);
    if (!route) throw unknownRoute(ports.routes(), request.params.name);
    response.json(routeJson(ports, route, await ports.workers.ask('report')));
  });
  for (const direction of ['promote', 'rollback'] as const) {
    app.post(`/api/routes/:name/${direction}`, async (request, response) => {
      const { to, by, reason } = readBody(bodies.move, request);
      const moved = await moveRoutes(ports, { name: String(request.params.name), direction, to, by, reason });
      response.json({ moved });
    });
  }
  app.post('/api/explain', async (request, response) => {
    response.json(await ports.explain(describeRequest(readBody(bodies.explain, request))));
  });
  app.get('/api/bypass', (_, response) => void response.json({ on: ports.bypass.active }));
  app.post('/api/bypass', async (request, response) => {
    const { on, by } = readBody(bodies.bypass, request);
    await switchBypass(ports, on, by);
    response.json({ on: ports.bypass.active });
  });
}

/** Throws AdminError `configuration-refused` or `nothing-to-reload`. */
async function reload({ reloading }: AdminPorts): Promise<{ changed: readonly string[] }> {
  if (!reloading) throw new AdminError('nothing-to-reload', 'found no files that it was read from');
  const outcome = await reloading.reload();
  if (outcome.kind === 'reloaded') return { changed: outcome.changed };
  if (outcome.kind === 'unchanged') return { changed: [] };
  const { problems } = outcome;
  throw new AdminError('configuration-refused', problems.join('\n'), { problems });
}

/** In an emergency it must be plain whether it counts: it does, also where it cannot be kept. */
async function switchBypass({ bypass, workers, logger }: AdminPorts, on: boolean, by: string): Promise<void> {
  const told = workers.tell({ kind: 'bypass', on, by });
  try {
    bypass.set(on, by);
  } catch (error) {
    logger.error({ err: error }, 'bypass is switched, but its file cannot be written');
    const state = bypass.active ? 'on' : 'off';
    throw new AdminError('bypass-not-kept', `bypass is ${state} for this process; ${(error as Error).message}`);
  } finally {
    await told;
  }
}

function addReload(app: Express, ports: AdminPorts): void {
  app.post('/api/reload', async (_, response) => void response.json(await reload(ports)));
}

function addFlags(app: Express, ports: AdminPorts): void {
  app.get('/api/flags', async (_, response) => void response.json({ flags: await listFlags(ports) }));
  app.get('/api/flags/:name', async (request, response) => {
    response.json(await getFlag(ports, request.params.name));
  });
  app.put('/api/flags/:name', async (request, response) => {
    response.json(await putFlag(ports, request.params.name, readBody(bodies.flag, request)));
  });
  app.delete('/api/flags/:name', async (request, response) => {
    response.json(await deleteFlag(ports, request.params.name, readBody(bodies.archive, request)));
  });
  app.get('/api/flags/:name/history', async (request, response) => {
    response.json({ history: await flagHistory(ports, request.params.name) });
  });
  app.get('/api/segments', (_, response) => void response.json({ segments: listSegments(ports) }));
  app.put('/api/segments/:name', async (request, response) => {
    response.json(await putSegment(ports, request.params.name, readBody(bodies.segment, request)));
  });
  app.delete('/api/segments/:name', async (request, response) => {
    response.json(await deleteSegment(ports, request.params.name, readBody(bodies.archive, request)));
  });
}

function addEvidence(app: Express, ports: AdminPorts): void {
  app.get('/api/shadow/report', async (request, response) => {
    const { route } = request.query;
    const gathered = await gatheredByWorkers(ports);
    if (typeof route === 'string') requireRoute(ports, route, gathered);
    const report = ports.evidence.report(gathered);
    response.json(typeof route === 'string' ? { routes: report.routes.filter((one) => one.route === route) } : report);
  });
  app.post('/api/shadow/reset', async (request, response) => {
    const { route, by, reason } = readBody(bodies.reset, request);
    requireRoute(ports, route, await gatheredByWorkers(ports));
    await ports.workers.tell({ kind: 'flush-evidence' });
    const failure = await ports.evidence.reset({ route, by, reason });
    if (failure) throw new AdminError('log-away', `${route}: ${failure.refused}`);
    response.json({ reset: route });
  });
}

async function gatheredByWorkers({ workers }: AdminPorts): Promise<GatheredElsewhere> {
  const [reports, samples] = await Promise.all([workers.ask('report'), workers.ask('samples')]);
  return { tallies: reports.map(({ tallies }) => tallies), samples: samples.flat() };
}

/** Evidence may be of a route that is not in the plan any more. */
function requireRoute({ routes, evidence }: AdminPorts, name: string, gathered: GatheredElsewhere): void {
  const known = routes().some((route) => route.name === name) || evidence.reportOf(name, gathered) !== undefined;
  if (!known) throw unknownRoute(routes(), name);
}

/** A route with its last move, the steps that promote and rollback would take, and the verdicts of its shadow in numbers. */
function routeJson({ journal, evidence }: AdminPorts, route: RouteView, reports: readonly WorkerReport[]) {
  const { stage, steps } = route;
  const [next, previous] = stage ? [nextStep(steps, stage), previousStep(steps, stage)] : [];
  const gathered = { tallies: reports.map(({ tallies }) => tallies), samples: [] };
  const { compared = 0, mismatched = 0 } = evidence.reportOf(route.name, gathered) ?? {};
  const elsewhere = reports.flatMap(({ requests }) => requests[route.name] ?? []);
  return {
    ...route,
    requests: sumRequests([route.requests, ...elsewhere]),
    lastMove: journal.state.moves.get(route.name),
    next: next && stageText(next),
    previous: previous && stageText(previous),
    shadow: { compared, mismatched },
  };
}

function answerErrors({ logger }: AdminPorts): ErrorRequestHandler {
  return (error, _request, response, _next) => {
    if (error instanceof GatewayError) {
      sendProblem(response, problemOf(error));
      return;
    }
    const known = translate(error);
    if (known.code === 'admin-failed') logger.error({ err: error }, 'the admin API failed');
    sendProblem(response, known.problem);
  };
}

/** Errors of express and its body parser, by the `type` or `status` they carry. */
function translate(error: unknown): AdminError {
  if (error instanceof AdminError) return error;
  const { type, status, message } = error as { type?: string; status?: number; message?: string };
  if (type === 'entity.parse.failed') return new AdminError('malformed-json', message ?? '');
  if (type === 'entity.too.large') return new AdminError('body-too-large', message ?? '');
  if (status !== undefined && status < 500) return new AdminError('malformed-request', message ?? '');
  return new AdminError('admin-failed', 'see the log of the gateway');
}
