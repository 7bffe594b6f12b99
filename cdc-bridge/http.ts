import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { BridgeHead } from '../contract/bridge-head.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { sendProblem } from '../runtime/problem.ts';
import { type Served, serve } from '../runtime/serve.ts';
import { type BridgeProblemCode, bridgeProblems } from './errors.ts';
import type { Progress } from './positions/progress.ts';
import type { BridgeStatus, Condition } from './status.ts';

const defaultWaitMs = 200;
const maxWaitMs = 30_000;

export interface HttpPorts {
  readonly progress: Progress;
  readonly condition: Condition;
  readonly metrics: Metrics;
  /** The numbers of the status under Debezium's names. */
  readonly asDebezium: () => Promise<Metrics>;
  /** The binlog head as it is now. */
  readonly head: () => Promise<string>;
  readonly status: () => Promise<BridgeStatus>;
}

type Handler = (url: URL, response: ServerResponse) => Promise<void>;

/** Serves GET /head, /status, /healthz, /readyz, /metrics and /metrics/debezium. */
export function serveBridge(ports: HttpPorts, address: { port: number; host: string }): Promise<Served> {
  const handlers: Record<string, Handler> = {
    '/head': (url, response) => answerHead(ports, url, response),
    '/status': async (_url, response) => sendJson(response, 200, await ports.status()),
    '/healthz': async (_url, response) => sendJson(response, 200, { status: 'ok' }),
    '/readyz': (_url, response) => answerReady(ports, response),
    '/metrics': (_url, response) => sendMetrics(response, ports.metrics),
    '/metrics/debezium': async (_url, response) => sendMetrics(response, await ports.asDebezium()),
  };
  const server = createServer((request, response) => {
    route(handlers, request, response).catch((error: Error) => refuse(response, 'unavailable', error.message));
  });
  return serve(server, address);
}

async function route(
  handlers: Readonly<Record<string, Handler>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = request.url ?? '/';
  const url =
    target.startsWith('/') && URL.canParse(target, 'http://bridge') ? new URL(target, 'http://bridge') : undefined;
  const handler = url && Object.hasOwn(handlers, url.pathname) ? handlers[url.pathname] : undefined;
  if (!url || !handler) {
    const detail = `found ${target.slice(0, 200)}, expected one of ${Object.keys(handlers).join(', ')}`;
    return refuse(response, 'not-found', detail);
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return refuse(response, 'method-not-allowed', `found ${request.method}`);
  }
  await handler(url, response);
}

async function answerHead({ progress, condition, head }: HttpPorts, url: URL, response: ServerResponse): Promise<void> {
  const given = url.searchParams.get('waitMs') ?? String(defaultWaitMs);
  const waitMs = /^\d{1,5}$/.test(given) ? Number(given) : Number.NaN;
  if (!(waitMs <= maxWaitMs)) {
    const detail = `waitMs: found ${JSON.stringify(given.slice(0, 80))}, expected whole milliseconds from 0 to ${maxWaitMs}`;
    return refuse(response, 'bad-wait', detail);
  }
  if (condition.phase === 'stopped') return refuse(response, 'bridge-stopped', condition.failure ?? 'on request');
  const position = await head();
  if (await progress.waitFor(position, waitMs)) {
    const answer: BridgeHead = { position, address: progress.address };
    return sendJson(response, 200, answer);
  }
  const behind = progress.missing(position);
  const detail = `the binlog is at ${position}, the bridge at ${progress.position ?? 'its initial snapshot'} after ${waitMs} ms`;
  refuse(response, 'bridge-behind', detail, { transactions: behind });
}

async function answerReady({ status }: HttpPorts, response: ServerResponse): Promise<void> {
  const { phase, heldBy } = await status();
  if (phase === 'streaming') return sendJson(response, 200, { status: 'ready' });
  const behind = heldBy ? `, behind ${heldBy.holder} until ${heldBy.until} at least` : '';
  refuse(response, 'not-ready', `phase: ${phase}${behind}`);
}

function refuse(response: ServerResponse, code: BridgeProblemCode, detail: string, facts: object = {}): void {
  const { status, title } = bridgeProblems[code];
  sendProblem(response, { status, code, title, detail, ...facts });
}

async function sendMetrics(response: ServerResponse, metrics: Metrics): Promise<void> {
  const text = await metrics.text();
  response.writeHead(200, { 'content-type': metrics.contentType });
  response.end(text);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  response.end(body);
}
