import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http2, {
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { join } from 'node:path';
import zlib from 'node:zlib';
import { expect, it } from 'vitest';
import type { RunningGateway } from '../../gateway/gateway.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { startSide } from './sides.ts';
import { twoSides } from './two-sides.ts';

import { eventually } from './wire.ts';

const fixture = (name: string) => join(import.meta.dirname, '../fixtures/tls', name);
const tls = { cert: fixture('default.pem'), key: fixture('default.key.pem') };

const sides = twoSides();
let gateway: RunningGateway;
let metrics: Metrics;
let session: ClientHttp2Session;

interface Wanted {
  readonly capability?: object;
  readonly legacy?: object;
  readonly listener?: object;
  readonly bridgeUrl?: string;
}

/** A gateway that speaks HTTP/2 before both sides, and a connection to it. */
async function start(routes: unknown[], wanted: Wanted = {}): Promise<void> {
  const written = {
    legacy: { url: sides.legacy.origin, ...wanted.legacy },
    accessLog: {},
    listeners: { public: { port: 0, tls, ...wanted.listener }, admin: { port: 0 } },
    capabilities: { shipments: { service: sides.service.origin, routes, ...wanted.capability } },
  };
  metrics = new Metrics();
  gateway = await sides.start(written, { bridgeUrl: wanted.bridgeUrl, metrics });
  session = http2.connect(gateway.publicUrl, { rejectUnauthorized: false });
  session.on('error', () => {});
  sides.cleanUp(async () => session.destroy());
}

interface Answer {
  readonly headers: IncomingHttpHeaders & IncomingHttpStatusHeader;
  readonly body: Buffer;
  /** How the stream ended. */
  readonly code: number;
}

async function ask(path: string, headers: OutgoingHttpHeaders = {}, body = ''): Promise<Answer> {
  const stream = session.request({ ':path': path, ':authority': 'shop.test', ...headers }, { endStream: body === '' });
  const chunks: Buffer[] = [];
  let received = {} as Answer['headers'];
  stream.on('response', (head) => {
    received = head;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => {});
  if (body !== '') stream.end(body);
  await new Promise<void>((resolve) => stream.once('close', resolve));
  return { headers: received, body: Buffer.concat(chunks), code: stream.rstCode ?? 0 };
}

const servedBy = ({ body }: Answer): string => (JSON.parse(body.toString()) as { by: string }).by;
const toNew = { split: [{ header: { 'x-side': 'new' } }] };
const asNew = { 'x-side': 'new' };

it('over HTTP/2 a client gets its assignment in a Secure cookie, and stays on its side with it', async () => {
  await start(['GET /a'], { capability: { split: [{ percent: '50%' }] } });
  const first = await ask('/a');
  const [cookie] = first.headers['set-cookie']!;
  expect(cookie).toMatch(/^strangler-assignment=.*; Secure/i);
  expect(first.headers['cache-control']).toMatch(/private|no-store/);
  const again = await Promise.all(
    Array.from({ length: 10 }, () => ask('/a', { cookie: ['x=1', cookie!.split(';')[0]!] })),
  );
  expect(new Set(again.map(servedBy))).toEqual(new Set([servedBy(first)]));
});

it('over HTTP/2 legacy answers in place of a new side that dies before its answer; one that dies within it resets the stream', async () => {
  await start(['GET /a'], { capability: toNew });
  sides.service.answer = (request) => request.socket.destroy();
  expect(servedBy(await ask('/a', asNew))).toBe('legacy');
  sides.service.answer = (request, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('begin', () => request.socket.destroy());
  };
  const broken = await ask('/a', asNew);
  expect([broken.headers[':status'], broken.code]).toEqual([200, http2.constants.NGHTTP2_INTERNAL_ERROR]);
  expect(sides.legacy.received).toHaveLength(1);
  sides.service.answer = (_, response) => response.writeHead(503).end();
  expect(servedBy(await ask('/a', asNew))).toBe('legacy');
});

it('over HTTP/2 the new side is asked and compared afterwards, with the request that legacy got', async () => {
  await start([{ match: 'GET /a', rollout: { steps: ['shadow'] } }]);
  expect(servedBy(await ask('/a?q=1', { cookie: ['a=1', 'b=2'], 'x-mine': '7' }))).toBe('legacy');
  await eventually(() => sides.service.received.length === 1);
  const [asked, answered] = [sides.service.received[0]!, sides.legacy.received[0]!];
  expect([asked.url, asked.headers.cookie, asked.headers['x-mine'], asked.headers.host]).toEqual([
    answered.url,
    'a=1; b=2',
    '7',
    answered.headers.host,
  ]);
  await eventually(async () => /^strangler_shadow_comparisons_total\{.*mismatch.*\} 1$/m.test(await metrics.text()));
});

it('over HTTP/2 a client reads from the new side what it has written to legacy', async () => {
  const bridge = await startSide('bridge');
  sides.cleanUp(bridge.stop);
  bridge.answer = (_, response) => response.end('{"position":"mariadb:0-1-57","address":"domain/0/1234"}');
  await start(['GET /a'], { capability: toNew, bridgeUrl: bridge.origin });
  await ask('/elsewhere', { ':method': 'POST' }, 'written');
  expect(servedBy(await ask('/a', asNew))).toBe('new');
  expect(sides.service.received[0]!.headers['strangler-at-least']).toBe('domain/0/1234');
});

it.each(['identity', 'gzip'])('over HTTP/2 bodies are rewritten (%s)', async (coding) => {
  sides.legacy.answer = (_, response) => {
    const page = `<a href="${sides.legacy.origin}/a">a</a>`;
    const body = coding === 'gzip' ? zlib.gzipSync(page) : Buffer.from(page);
    const fields = { 'content-type': 'text/html', 'content-length': body.length, location: `${sides.legacy.origin}/b` };
    response.writeHead(200, coding === 'gzip' ? { ...fields, 'content-encoding': coding } : fields).end(body);
  };
  await start([], { legacy: { host: 'rewrite', rewriteBodies: { coding: 'keep' } } });
  const { headers, body, code } = await ask('/', { 'accept-encoding': 'gzip' });
  const text = coding === 'gzip' ? zlib.gunzipSync(body) : body;
  expect([text.toString(), code]).toEqual(['<a href="https://shop.test/a">a</a>', 0]);
  expect([headers.location, headers['content-length']]).toEqual(['https://shop.test/b', undefined]);
});

it('over HTTP/2 a trusted caller is told the decision, nobody else, and bypass sends all to legacy', async () => {
  await start([{ match: 'GET /a', serve: 'new' }], { listener: { trustedProxies: ['127.0.0.1/32'] } });
  sides.service.answer = (_, response) => response.setHeader('strangler-decision', 'side=forged').end('{"by":"new"}');
  const told = async () => (await ask('/a', { 'strangler-explain': '1' })).headers['strangler-decision'];
  expect(await told()).toMatch(/^side=new, route=/);
  expect((await ask('/a')).headers['strangler-decision']).toBeUndefined();
  gateway.bypass.set(true);
  expect(await told()).toMatch(/^side=legacy/);
});

it('over HTTP/2 each request has a line in the access log, those that were refused or given up too', async () => {
  await start([]);
  await ask('/served', { ':method': 'POST' }, 'hello');
  await ask('/refused', { ':method': 'get' });
  sides.legacy.answer = () => {};
  const given = session.request({ ':path': '/given-up', ':authority': 'shop.test' });
  given.on('error', () => {});
  await eventually(() => sides.legacy.received.length === 2);
  given.close(http2.constants.NGHTTP2_CANCEL);
  await once(given, 'close');
  await gateway.stop();
  const lines = (await readFile(join(sides.folder, 'logs/access.log'), 'utf8')).trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(entries).toEqual([
    expect.objectContaining({ target: '/served', host: 'shop.test', status: 200, outcome: 'answered', bytesIn: 5 }),
    expect.objectContaining({ status: 400, outcome: 'refused', code: 'bad-request' }),
    expect.objectContaining({ target: '/given-up', outcome: 'abandoned' }),
  ]);
});
