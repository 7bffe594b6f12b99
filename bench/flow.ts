import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trace } from '@opentelemetry/api';
import { startAccounting } from '../gateway/accounting/accounting.ts';
import { ChosenIds } from '../gateway/accounting/chosen-ids.ts';
import { createRandomHex } from '../gateway/accounting/random-hex.ts';
import type { GatewayConfig } from '../gateway/config.ts';
import { featureSchema } from '../gateway/flags/feature.ts';
import type { FlagSource } from '../gateway/flags/flag-source.ts';
import { FlagUses } from '../gateway/flags/flag-uses.ts';
import { clientOfMemory } from '../gateway/flags/unleash-client.ts';
import type { ClientSide } from '../gateway/forwarding/client-side.ts';
import type { ForwardOutcome, ForwardPlan } from '../gateway/forwarding/forwarder.ts';
import type { RequestHead } from '../gateway/forwarding/request-head.ts';
import { Targets } from '../gateway/forwarding/upstreams/targets.ts';
import { targetsTelemetry } from '../gateway/forwarding/upstreams/targets-telemetry.ts';
import { AssignmentCookies } from '../gateway/identity/assignment.ts';
import { OfferedExchanges } from '../gateway/offered-exchanges.ts';
import { Plans } from '../gateway/plans.ts';
import { RequestFlow } from '../gateway/request-flow.ts';
import { createRewritingTelemetry } from '../gateway/rewriting/rewriting-telemetry.ts';
import { shadowTelemetry } from '../gateway/shadow/shadow-telemetry.ts';
import { createGatewayTelemetry } from '../gateway/telemetry.ts';
import { silent } from '../runtime/logger.ts';
import { Metrics } from '../runtime/metrics.ts';
import { configurationOf, flag, manyRoutes, pathOf, secret } from './many-routes.ts';
import { median } from './quantile.ts';
import type { Effort, Report } from './report.ts';

const routes = 100;
const heads = 1_000;
const requestsPerRound = 50_000;
/** As a server gets them: so many at a time, then the event loop goes on. */
const requestsPerTurn = 50;

/**
 * What a request costs beside reading and forwarding it: µs of CPU time of the whole process, all threads, the access log's among them. The
 * forwarding answers at once with an ordinary answer. Median of the rounds. To see where the time goes: `node --cpu-prof --import tsx
 * bench/main.ts flow`.
 */
export async function measureFlow({ pairs }: Effort): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'flow-'));
  const opened = await openFlow(folder);
  try {
    const clients = Array.from({ length: heads }, (_, index) => new ImmediateClient(headOf(index, opened.config)));
    const rounds: number[] = [];
    for (let round = 0; round <= pairs; round += 1) rounds.push(await measureRound(opened.flow, clients));
    const measured = rounds.slice(1);
    return {
      bench: 'flow',
      tables: [
        {
          title: `µs of CPU time for one GET, ${routes} routes (paths, headers, cookies), flag, cookie, access log, 1 % traced`,
          columns: ['', 'median', 'least', 'most'],
          rows: [
            [
              'receive, decide, headers of both ways, account',
              median(measured),
              Math.min(...measured),
              Math.max(...measured),
            ],
          ],
        },
      ],
    };
  } finally {
    await opened.stop();
    rmSync(folder, { recursive: true });
  }
}

async function measureRound(flow: RequestFlow, clients: readonly ImmediateClient[]): Promise<number> {
  const before = process.cpuUsage();
  for (let sent = 0; sent < requestsPerRound; sent += requestsPerTurn) {
    for (let index = sent; index < sent + requestsPerTurn; index += 1) void flow.handle(clients[index % heads]!);
    await new Promise(setImmediate);
  }
  const { user, system } = process.cpuUsage(before);
  const refused = clients.reduce((total, client) => total + client.refused, 0);
  if (refused > 0) throw new Error(`found ${refused} requests that were refused, expected none`);
  return (user + system) / requestsPerRound;
}

/** The request flow with all of its rooms but those that touch the network. */
async function openFlow(folder: string) {
  const capability = { split: [{ header: { 'x-beta': '1' } }, { flag }], routes: manyRoutes(routes) };
  const config = configurationOf(capability, folder, { telemetry: { otlp: 'http://127.0.0.1:4318' } });
  const common = { logger: silent, metrics: new Metrics() };
  const { metrics } = common;
  const tracing = { tracer: trace.getTracer('bench'), ids: new ChosenIds(createRandomHex()) };
  const accounting = await startAccounting({ config: config.accounting, secret, tracing, ...common });
  const pseudonym = 'strangler-bench';
  const exchanges = new OfferedExchanges();
  const telemetry = createGatewayTelemetry(silent, metrics);
  const plans = await Plans.open(config, {
    pseudonym,
    exchanges,
    ids: accounting.ids,
    targets: new Targets({ telemetry: targetsTelemetry(silent, metrics), now: () => performance.now() }),
    forwarder: { forget() {} },
    heads: undefined,
    readYourWrites: undefined,
    evidence: { record() {}, dropped() {} },
    telemetry,
    rewritingTelemetry: createRewritingTelemetry(silent, metrics),
    shadowTelemetry: shadowTelemetry(silent, metrics),
    ...common,
  });
  const canary = { kind: 'canary', percent: 0 } as const;
  const stages = new Map(plans.current.table.routes.map(({ name }) => [name, canary]));
  const flags = halfOn();
  const { refusedPaths } = config.routing;
  const flow = new RequestFlow({
    pseudonym,
    exchanges,
    plans,
    routing: ({ table }) => ({ table, stages, flags, bypass: false, refusedPaths }),
    seen: () => {},
    accounting,
    telemetry,
  });
  const stop = () => Promise.all([plans.stop(), accounting.stop(), flags.stop()]);
  return { flow, config, stop };
}

/** The flag, rolled out to half of the assignment keys. */
function halfOn(): FlagSource {
  const parameters = { rollout: '50', stickiness: 'default', groupId: flag };
  const feature = featureSchema.parse({
    name: flag,
    enabled: true,
    strategies: [{ name: 'flexibleRollout', parameters }],
  });
  const definitions = {
    feature: (name: string) => (name === flag ? feature : undefined),
    segment: () => undefined,
    segmentsRevision: () => undefined,
  };
  const client = clientOfMemory(definitions, { uses: new FlagUses(), onComplaint: () => {} });
  return {
    evaluate: (name, facts, route) => client.evaluate(name, facts, route),
    status: () => ({ kind: 'fresh', since: '', detail: '' }),
    stop: async () => client.stop(),
  };
}

/** One that the route at that place takes, by a browser that has been here before. */
function headOf(index: number, { identity }: GatewayConfig): RequestHead {
  const host = 'www.example.com';
  const cookies = new AssignmentCookies(identity.assignment, [secret]);
  const key = Buffer.from(`assignment-${index}`.padEnd(16, '-').slice(0, 16)).toString('base64url');
  const [assignment] = cookies.write(key, { secure: false, host }, undefined, undefined).split(';');
  const rawHeaders = [
    ...['Host', host, 'Connection', 'keep-alive', 'X-Version', '2'],
    ...['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'],
    ...['Accept', 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8', 'Accept-Language', 'en-US,en;q=0.5'],
    ...['Accept-Encoding', 'gzip, deflate, br', 'Referer', 'http://www.example.com/'],
    ...['Cookie', `PHPSESSID=3rk0tqa7${index}; beta=1; ${assignment}`],
  ];
  const target = `${pathOf((index * 7919) % routes)}/${1_000 + index}?page=2`;
  const connection = {
    httpVersion: '1.1',
    remoteAddress: '192.0.2.1',
    secure: false,
    certificateVerified: false,
  } as const;
  return { method: 'GET', url: target, rawHeaders, framing: { kind: 'none' }, ...connection };
}

const answerFields = [
  ...['Server', 'nginx', 'Date', 'Sat, 21 Nov 2026 12:00:00 GMT', 'Content-Type', 'application/json'],
  ...['Content-Length', '1024', 'Connection', 'keep-alive', 'ETag', '"5f-1a"', 'Cache-Control', 'max-age=60'],
];

/** A client whose request is answered as soon as it is forwarded. */
class ImmediateClient implements ClientSide {
  readonly head: RequestHead;
  refused = 0;

  constructor(head: RequestHead) {
    this.head = head;
  }

  forward(plan: ForwardPlan): Promise<ForwardOutcome> {
    plan.onAnswer(200, answerFields);
    return Promise.resolve(answered);
  }

  readBody(): Promise<never> {
    return Promise.reject(new Error('found a route that asks for the body'));
  }

  refuse(): void {
    this.refused += 1;
  }

  closeAfterAnswer(): void {}

  destroy(): void {
    this.refused += 1;
  }
}

const answered: ForwardOutcome = {
  kind: 'answered',
  status: 200,
  rawHeaders: answerFields,
  copy: undefined,
  durationMs: 0.05,
  firstByteMs: 0.04,
  requestBytes: 0,
  answerBytes: 1024,
  attempts: 1,
};
