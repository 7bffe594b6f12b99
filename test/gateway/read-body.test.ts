import { once } from 'node:events';
import http, { type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayError } from '../../gateway/errors.ts';
import type { BodyRead } from '../../gateway/forwarding/client-side.ts';
import type { UpstreamConfig } from '../../gateway/forwarding/config.ts';
import type { ForwardOutcome } from '../../gateway/forwarding/forwarder.ts';
import { GeneralForwarder } from '../../gateway/forwarding/general-forwarder.ts';
import { NodeClient } from '../../gateway/listening/node-client.ts';
import { configure } from './configure.ts';
import { type Side, startSide } from './sides.ts';
import { connect, eventually, type Wire } from './wire.ts';

const maxBytes = 64 * 1024;
let upstream: Side;
let server: Server;
let forwarder: GeneralForwarder;
let reads: (BodyRead['kind'] | GatewayError)[];
let outcomes: ForwardOutcome['kind'][];
/** What becomes of a request after its body was read. */
let refuses: boolean;
let stallMs: number;
let taken: number;

beforeEach(async () => {
  upstream = await startSide('upstream');
  forwarder = new GeneralForwarder();
  [reads, outcomes, refuses, stallMs, taken] = [[], [], false, 5_000, 0];
  const { legacy } = configure({ legacy: { url: upstream.origin } });
  const take = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    taken += 1;
    const peer = { remoteAddress: '127.0.0.1', secure: false, clientCertificate: 'not-asked' } as const;
    const client = new NodeClient({ request, response }, peer, forwarder);
    try {
      reads.push((await client.readBody(maxBytes, stallMs)).kind);
    } catch (error) {
      reads.push(error as GatewayError);
      refuses = true;
    }
    if (refuses) client.refuse(new GatewayError('internal-error', 'refused by the test'));
    else outcomes.push((await client.forward(planTo(legacy, request))).kind);
  };
  server = http.createServer(take).on('checkContinue', take).listen(0, '127.0.0.1');
  server.on('clientError', (_, socket) => socket.destroy());
  await once(server, 'listening');
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  forwarder.stop();
  await upstream.stop();
});

function planTo(legacy: UpstreamConfig, request: http.IncomingMessage) {
  return {
    upstream: legacy,
    target: request.url!,
    headers: ['Host', 'a', ...(request.headers['x-expect'] === undefined ? [] : ['Expect', '100-continue'])],
    onAnswer: () => ({ kind: 'pass' as const, fields: [], transforms: undefined }),
    copyBytes: undefined,
    rewritesBodies: false,
  };
}

const client = (): Promise<Wire> => connect((server.address() as AddressInfo).port);
const post = (framing: string) => `POST /a HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`;
const chunked = (body: string, size: number) =>
  `${
    body
      .match(new RegExp(`[\\s\\S]{1,${size}}`, 'g'))
      ?.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
      .join('') ?? ''
  }0\r\n\r\n`;
const next = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';

describe('a body that was read', () => {
  it.each([
    ['of a length', post('Content-Length: 5'), 'hello', 'whole'],
    ['of length 0', post('Content-Length: 0'), '', 'whole'],
    ['in chunks', post('Transfer-Encoding: chunked'), chunked('hello world', 3), 'whole'],
    ['in chunks of which there are none', post('Transfer-Encoding: chunked'), '0\r\n\r\n', 'whole'],
    ['at the limit', post(`Content-Length: ${maxBytes}`), 'x'.repeat(maxBytes), 'whole'],
    ['a byte above the limit', post(`Content-Length: ${maxBytes + 1}`), 'x'.repeat(maxBytes + 1), 'oversize'],
    ['far above the limit', post('Content-Length: 1000000'), 'y'.repeat(1_000_000), 'oversize'],
    [
      'far above the limit in chunks',
      post('Transfer-Encoding: chunked'),
      chunked('z'.repeat(300_000), 9_000),
      'oversize',
    ],
  ])('%s is forwarded byte for byte, and the next request on the connection served', async (_, head, body, kind) => {
    const wire = await client();
    wire.send(head + body + next);
    await eventually(() => upstream.received.length === 2);
    await wire.until(/upstream[\s\S]*upstream/);
    const sent = head.includes('chunked') ? body.replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '').replace(/\r\n$/, '') : body;
    expect(upstream.received.map(({ method, url }) => `${method} ${url}`)).toEqual(['POST /a', 'GET /next']);
    expect(upstream.received[0]!.body === sent).toBe(true);
    expect(reads[0]).toBe(kind);
    wire.socket.destroy();
  });

  it('that arrives byte by byte is forwarded whole', async () => {
    const wire = await client();
    wire.send(post('Content-Length: 4'));
    for (const byte of 'slow') {
      wire.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await wire.until(/upstream/);
    expect(upstream.received[0]!.body).toBe('slow');
    wire.socket.destroy();
  });

  it('whose client waits to be told to send is asked for once, though the upstream asks too', async () => {
    const wire = await client();
    wire.send(post('Expect: 100-continue\r\nX-Expect: yes\r\nContent-Length: 5'));
    await wire.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    wire.send(`hello${next}`);
    const received = await wire.until(/upstream[\s\S]*upstream/);
    expect(received.match(/100 Continue/g)).toHaveLength(1);
    expect(upstream.received[0]).toMatchObject({ body: 'hello', headers: { expect: '100-continue' } });
    wire.socket.destroy();
  });

  it.each([
    ['read whole', post('Content-Length: 5'), 'hello'],
    ['read in part', post('Content-Length: 200000'), 'x'.repeat(200_000)],
  ])('and %s can be refused, and the next request on the connection served', async (_, head, body) => {
    refuses = true;
    const wire = await client();
    wire.send(head + body);
    await wire.until(/HTTP\/1\.1 500 [\s\S]*refused by the test/);
    refuses = false;
    wire.send(next);
    await wire.until(/upstream/);
    expect(upstream.received.map(({ url }) => url)).toEqual(['/next']);
    wire.socket.destroy();
  });

  it('that breaks off reaches nobody', async () => {
    const wire = await client();
    wire.send(`${post('Content-Length: 5')}he`);
    await eventually(() => taken === 1);
    wire.socket.destroy();
    await eventually(() => outcomes.length === 1);
    expect([reads, outcomes, upstream.received]).toEqual([['broken-off'], ['abandoned'], []]);
  });

  it('that does not arrive in time is refused', async () => {
    stallMs = 20;
    const wire = await client();
    wire.send(`${post('Content-Length: 5')}he`);
    await eventually(() => reads.length === 1);
    expect((reads[0] as GatewayError).code).toBe('client-stalled');
    await wire.until(/refused by the test/);
    wire.socket.destroy();
  });
});
