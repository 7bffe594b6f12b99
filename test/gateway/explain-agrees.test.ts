import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import type { GatewayConfig } from '../../gateway/config.ts';
import { GatewayError } from '../../gateway/errors.ts';
import type { DescribedRequest, ExplainedRequest } from '../../gateway/explain.ts';
import type { ClientSide } from '../../gateway/forwarding/client-side.ts';
import type { ForwardOutcome, ForwardPlan } from '../../gateway/forwarding/forwarder.ts';
import { explainOffline } from '../../gateway/offline.ts';
import { describeRequest } from '../../gateway/written-request.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { configure } from './configure.ts';
import { openFlow } from './start-forwarder.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'explain-'));
afterAll(() => rmSync(dataDir, { recursive: true }));

const side = fc.constantFrom('legacy', 'new');
/** Most routes ask for little, so that most requests are taken by one. */
const seldom = <Value>(value: Value, otherwise: Value) => fc.constantFrom(otherwise, otherwise, otherwise, value);
const conditions = fc.record({
  path: fc.constantFrom('/a', '/a/{id}', '/a/{id:int}', '/a/b', '/a/*', '/*', '/{x}/b'),
  method: fc.constantFrom(undefined, undefined, 'GET', 'POST'),
  hosts: fc.constantFrom(undefined, undefined, ['shop.example'], ['*.example']),
  headers: seldom({ 'X-Version': '1' }, {}),
  cookies: seldom({ beta: '1' }, {}),
  query: seldom({ page: '1' }, {}),
  body: fc.constantFrom({}, { '/country': 'DE' }, { country: 'DE' }),
  client: seldom<string | undefined>('192.0.2.0/24', undefined),
});
const entry = fc.oneof(
  fc.record({ header: fc.constant({ 'X-Version': '1' }), to: side }),
  fc.record({ cookie: fc.constant({ beta: '1' }), to: side }),
  fc.record({ user: fc.constant(['alice']), to: side }),
  fc.record({ flag: fc.constant('f'), to: side }),
  fc.record({ percent: fc.constantFrom('0%', '50%', '100%'), to: side }),
);
const step = fc.oneof(fc.constantFrom('legacy', 'shadow', 'new'), fc.constant({ canary: '50%' }));
const capability = fc.record(
  {
    split: fc.array(entry, { minLength: 1, maxLength: 3 }),
    rollout: fc.array(step, { minLength: 1, maxLength: 2 }).map((steps) => ({ steps })),
    routes: fc.array(fc.record({ match: conditions, serve: side }, { requiredKeys: ['match'] }), {
      minLength: 1,
      maxLength: 8,
    }),
  },
  { requiredKeys: ['routes'] },
);
const ambiguousPaths = fc.constantFrom('legacy', 'refuse', { otherwise: 'refuse', semicolon: 'legacy' });

const configuration = fc.record({ shipments: capability, ambiguousPaths }).map(({ shipments, ambiguousPaths }) => {
  const routes = shipments.routes.map((route, index) => ({ ...route, name: `route ${index}` }));
  return configure(
    {
      identity: { user: [{ cookie: 'user' }] },
      routing: { ambiguousPaths, bodyLimit: '64B' },
      capabilities: { shipments: { ...shipments, service: 'http://127.0.0.1:8082', routes } },
    },
    { dataDir },
  );
});

const body = fc.constantFrom(
  ...['{"country":"DE"}', '{"country":"DE","country":"FR"}', 'country=DE', '{', `{"country":"DE"}${' '.repeat(80)}`],
);
const asked = fc
  .record({
    method: fc.constantFrom('GET', 'HEAD', 'POST'),
    path: fc.constantFrom('/a', '/a/7', '/a/b', '/a/', '/c/b', '/a//b', '/a;x', '/a/%2e%2e', '/a/%62', '/'),
    query: fc.constantFrom('', '?page=1', '?page=1&page=2', '?page=2'),
    host: fc.constantFrom('shop.example', 'SHOP.EXAMPLE.:8080', 'www.shop.example', 'other'),
    version: fc.subarray(['1', '2']),
    cookies: fc.subarray(['beta=1', 'beta=2', 'user=alice']),
    body: fc.option(body, { nil: undefined }),
    clientAddress: fc.constantFrom('192.0.2.7', '198.51.100.7'),
  })
  .map(({ method, path, query, host, version, cookies, ...more }) =>
    describeRequest({
      method,
      url: path + query,
      headers: { Host: host, 'x-version': version, Cookie: cookies },
      ...more,
    }),
  );

/** What became of a request: the side, or the code with which it was refused. */
type Fate = string;

async function fateOf(explain: () => Promise<ExplainedRequest>): Promise<Fate> {
  try {
    return (await explain()).primary;
  } catch (error) {
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
}

/** A client that sends a described request, and sees where it is forwarded. */
class AskingClient implements ClientSide {
  readonly head;
  fate: Fate | undefined;
  readonly #body: Buffer;

  constructor({ method, target, rawHeaders, body = '', clientAddress }: DescribedRequest) {
    this.#body = Buffer.from(body);
    const length = String(this.#body.length);
    this.head = {
      method,
      url: target,
      rawHeaders,
      httpVersion: '1.1' as const,
      framing: body === '' ? ({ kind: 'none' } as const) : ({ kind: 'length', length } as const),
      remoteAddress: clientAddress ?? '127.0.0.1',
      secure: false,
      certificateVerified: false,
    };
  }

  async readBody() {
    return { kind: 'whole' as const, bytes: this.#body };
  }

  async forward({ upstream }: ForwardPlan): Promise<ForwardOutcome> {
    this.fate = upstream.name === 'legacy' ? 'legacy' : 'new';
    const effort = { durationMs: 0, firstByteMs: undefined, requestBytes: 0, answerBytes: 0, attempts: 1 };
    return { kind: 'abandoned', ...effort };
  }

  refuse({ code }: GatewayError): void {
    this.fate = code;
  }

  closeAfterAnswer(): void {}

  destroy(): void {
    this.fate = 'destroyed';
  }
}

async function fates(
  config: GatewayConfig,
  request: DescribedRequest,
  flow: Awaited<ReturnType<typeof openFlow>>['flow'],
) {
  const client = new AskingClient(request);
  await flow.handle(client);
  const ports = { logger: silent, metrics: new Metrics() };
  return {
    served: client.fate,
    explained: await fateOf(() => flow.explain(request)),
    explainedOffline: await fateOf(() => explainOffline(config, request, ports)),
  };
}

it('a request goes where the gateway, and the command without it, say that it goes', async () => {
  const defects: unknown[] = [];
  await fc.assert(
    fc.asyncProperty(configuration, fc.array(asked, { minLength: 5, maxLength: 10 }), async (config, requests) => {
      const { flow, stop } = await openFlow(config, defects);
      try {
        for (const request of requests) {
          const { served, explained, explainedOffline } = await fates(config, request, flow);
          expect([explained, explainedOffline]).toEqual([served, served]);
        }
      } finally {
        await stop();
      }
    }),
    { numRuns: 60 },
  );
  expect(defects).toEqual([]);
}, 60_000);
