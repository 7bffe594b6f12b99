import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { block, code, endHeaders, endStream, FrameClient, frameBytes, get, number, type } from './http2-frames.ts';
import { cutFor, type StartedGateway, startGatewayBefore } from './start-gateway.ts';
import { answering, eventually, type RawServer, rawServer, type Wire } from './wire.ts';

const fixture = (name: string) => join(import.meta.dirname, '../fixtures/tls', name);
const tls = { cert: fixture('default.pem'), key: fixture('default.key.pem') };
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

let upstream: RawServer;
let gateway: StartedGateway;
let client: FrameClient;
let cleanups: (() => Promise<unknown>)[];
let serve: (wire: Wire) => unknown;

beforeEach(async () => {
  serve = answering(ok);
  upstream = await rawServer((wire) => serve(wire));
  gateway = await startGatewayBefore(upstream.origin, { tls, limits: { stall: '300ms', head: '1s' } });
  cleanups = [upstream.stop, gateway.stop];
  client = await opened();
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function opened(): Promise<FrameClient> {
  const made = await FrameClient.open(gateway.port);
  cleanups.push(async () => void made.socket.destroy());
  return made;
}

const ended = (stream: number) =>
  client.first((frame) => frame.stream === stream && (frame.flags & endStream) !== 0 && frame.type <= type.headers);

/** Somebody else's request is served, and this connection's too unless it had to be ended. */
async function othersAreServed(): Promise<void> {
  serve = answering(ok);
  client = await opened();
  client.request(1);
  await ended(1);
}

const post = (more: readonly (readonly [string, string])[] = []) =>
  [[':method', 'POST'], ...get('/', more).slice(1)] as (readonly [string, string])[];

describe('malformed requests are stream errors; they reach no application and leave the connection as it was', () => {
  const without = (name: string) => get().filter(([found]) => found !== name);
  it.each([
    ['an uppercase name', get('/', [['X-Upper', '1']])],
    ['no :path', without(':path')],
    ['no :method', without(':method')],
    ['no :scheme', without(':scheme')],
    ['no host at all', without(':authority')],
    ['an empty :path', get('')],
    ['a path that is none', get('items')],
    ['two :path', [...get(), [':path', '/b']]],
    ['an unknown pseudo-header field', [...get(), [':side', 'new']]],
    [':status in a request', [...get(), [':status', '200']]],
    ['a pseudo-header field after a field', [['a', 'b'], ...get()]],
    ['Connection', get('/', [['connection', 'keep-alive']])],
    ['Transfer-Encoding', get('/', [['transfer-encoding', 'chunked']])],
    ['Upgrade', get('/', [['upgrade', 'h2c']])],
    ['TE other than trailers', get('/', [['te', 'gzip']])],
    ['a path with a space', get('/a b')],
    ['a path with a line end', get('/a\r\nX: y')],
    ['a method with a space', [[':method', 'GET / HTTP/1.1\r\nX:'], ...without(':method')]],
    ['a WebSocket by extended CONNECT', [[':protocol', 'websocket'], [':method', 'CONNECT'], ...without(':method')]],
    [
      'two lengths',
      get('/', [
        ['content-length', '1'],
        ['content-length', '2'],
      ]),
    ],
    ['a length that is none', get('/', [['content-length', '+1']])],
    ['a length and no body', get('/', [['content-length', '1']])],
  ] as [string, (readonly [string, string])[]][])('%s', async (_, fields) => {
    client.request(1, fields);
    expect(await client.reset(1)).toBe(code.protocolError);
    client.request(3);
    await ended(3);
    expect(
      upstream.connections
        .map(({ received }) => received)
        .join('')
        .match(/HTTP\/1\.1\r\n/g),
    ).toHaveLength(1);
  });

  it('but a field that no HTTP/1.1 could carry is left out', async () => {
    const unsound = [
      ['a b', '1'],
      ['x-end', '1\r\ny: 2'],
      ['x-nul', '1\0'],
      ['x-space', ' 1'],
    ] as const;
    client.request(1, get('/', [...unsound, ['x-sound', '1']]));
    await ended(1);
    const { received } = upstream.connections[0]!;
    expect(received).toContain('x-sound: 1\r\n');
    expect(received).not.toMatch(/a b|x-end|y: 2|x-nul|x-space/);
  });

  it('a body longer or shorter than its length', async () => {
    client.request(1, post([['content-length', '3']]), endHeaders);
    client.frame(type.data, endStream, 1, 'longer');
    expect(await client.reset(1)).toBe(code.protocolError);
    client.request(3, post([['content-length', '9']]), endHeaders);
    client.frame(type.data, endStream, 3, 'shorter');
    expect(await client.reset(3)).toBe(code.protocolError);
    await eventually(() => upstream.connections.every(({ socket }) => socket.destroyed));
    for (const { received } of upstream.connections) expect(received).not.toContain('longer');
  });

  it('trailers with pseudo-header fields', async () => {
    client.request(1, post(), endHeaders);
    client.frame(type.data, 0, 1, 'hello');
    client.request(1, [[':path', '/other']]);
    expect(await client.reset(1)).toBe(code.protocolError);
    await eventually(() => upstream.connections.every(({ socket }) => socket.destroyed));
    for (const { received } of upstream.connections) expect(received).not.toContain('\r\n0\r\n');
  });
});

describe('breaches of the protocol end the connection with the code that RFC 9113 names; others are served', () => {
  it.each([
    ['DATA on no stream', () => client.frame(type.data, 0, 0, 'x'), code.protocolError],
    ['HEADERS on an even stream', () => client.request(2), code.protocolError],
    ['PUSH_PROMISE', () => client.frame(type.pushPromise, endHeaders, 1, number(2)), code.protocolError],
    ['a frame longer than allowed', () => client.frame(type.headers, 0, 1, Buffer.alloc(16_385)), code.frameSizeError],
    ['SETTINGS of a wrong length', () => client.frame(type.settings, 0, 0, 'four'), code.frameSizeError],
    ['PING of a wrong length', () => client.frame(type.ping, 0, 0, 'four'), code.frameSizeError],
    ['PING on a stream', () => client.frame(type.ping, 0, 1, Buffer.alloc(8)), code.protocolError],
    ['WINDOW_UPDATE of nothing', () => client.frame(type.windowUpdate, 0, 0, number(0)), code.protocolError],
    [
      'a window beyond its bound',
      () => client.frame(type.windowUpdate, 0, 0, number(0x7fffffff)),
      code.flowControlError,
    ],
    [
      'a field block that is rubbish',
      () => client.frame(type.headers, 5, 1, Buffer.alloc(40, 0xff)),
      code.compressionError,
    ],
    [
      'another frame within a field block',
      () => {
        client.frame(type.headers, endStream, 1, block(get()));
        client.frame(type.ping, 0, 0, Buffer.alloc(8));
      },
      code.protocolError,
    ],
    ['CONTINUATION of nothing', () => client.frame(type.continuation, endHeaders, 1, block(get())), code.protocolError],
  ])('%s', async (_, attack, expected) => {
    attack();
    expect(await client.goneAway()).toBe(expected);
    await client.closed;
    await othersAreServed();
  });

  it('more requests at once than allowed: all of them are given up, and so are they towards the application', async () => {
    serve = () => {};
    for (let index = 0; index < 101; index += 1) client.request(index * 2 + 1);
    await client.closed;
    await eventually(() => upstream.connections.every(({ socket }) => socket.destroyed));
    await othersAreServed();
  });

  it('what is no HTTP/2 at all', async () => {
    const other = await FrameClient.connect(gateway.port);
    other.raw('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await other.closed;
    await othersAreServed();
  });
});

describe('a connection whose protocol was broken while it was served is let go, and its requests given up, though Node', () => {
  it.each([
    ['a field block that is rubbish', () => client.frame(type.headers, 5, 3, Buffer.alloc(40, 0xff))],
    ['a frame longer than allowed', () => client.frame(type.data, 0, 1, Buffer.alloc(16_385))],
    ['a window beyond its bound', () => client.frame(type.windowUpdate, 0, 0, number(0x7fffffff))],
    [
      'a breach after a farewell',
      () => {
        client.frame(type.goaway, 0, 0, Buffer.alloc(8));
        client.frame(type.headers, 5, 3, Buffer.alloc(40, 0xff));
      },
    ],
  ])('tells nobody of %s', async (_, attack) => {
    serve = (wire) => void wire.until(/\r\n\r\n/).then(() => wire.send('HTTP/1.1 200 OK\r\n\r\nbeginning'));
    client.request(1);
    await client.first((frame) => frame.type === type.data);
    attack();
    await client.goneAway();
    client.socket.destroy();
    await (await upstream.connection(0)).closed;
    await eventually(async () => /^strangler_connections_open 0$/m.test(await gateway.metrics.text()));
  });
});

it('a client that is quiet but there is not let go while it waits for an answer', async () => {
  serve = () => {};
  client.request(1);
  const wire = await upstream.connection(0);
  await wire.until(/\r\n\r\n/);
  for (let pings = 0; pings < 3; pings += 1) {
    const ping = await client.next((frame) => frame.type === type.ping);
    client.frame(type.ping, 1, 0, ping.payload);
  }
  wire.send(ok);
  await ended(1);
});

it('uploads of one connection have more than 64 KiB on the way', async () => {
  const { payload } = await client.first((frame) => frame.type === type.windowUpdate && frame.stream === 0);
  expect(65_535 + payload.readUInt32BE(0)).toBe(1024 * 1024);
});

describe('a stream', () => {
  it.each([code.cancel, code.noError, code.internalError])(
    'that is reset (code %i) within its upload never looks like a whole one to the application',
    async (reason) => {
      serve = () => {};
      client.request(1, post(), endHeaders);
      client.frame(type.data, 0, 1, 'hello');
      const wire = await upstream.connection(0);
      await wire.until(/hello/);
      client.frame(type.rstStream, 0, 1, number(reason));
      await wire.closed;
      expect(wire.received).not.toMatch(/\r\n0\r\n/);
    },
  );

  it.each(['Content-Length: 10\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'])(
    'whose answer breaks off (%j) is reset and never ended',
    async (head) => {
      serve = async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(`HTTP/1.1 200 OK\r\n${head}`);
        await client.first((frame) => frame.type === type.data);
        wire.socket.end();
      };
      client.request(1);
      expect(await client.reset(1)).toBe(code.internalError);
      expect(client.of(1).some(({ type: kind, flags }) => kind <= type.headers && (flags & endStream) !== 0)).toBe(
        false,
      );
    },
  );

  it('whose answer is complete before its upload is ended first and then reset without an error', async () => {
    client.request(1, post(), endHeaders);
    client.frame(type.data, 0, 1, 'hello');
    expect(await client.reset(1)).toBe(code.noError);
    const kinds = client
      .of(1)
      .map(({ type: kind, flags }) => (kind <= type.headers && flags & endStream ? 'end' : kind));
    expect(kinds.indexOf('end')).toBeGreaterThan(-1);
    expect(kinds.indexOf('end')).toBeLessThan(kinds.indexOf(type.rstStream));
  });

  it('with more fields than fit is reset and asked to be calm', async () => {
    const big = get(
      '/',
      Array.from({ length: 5 }, (_, index) => [`x-${index}`, 'v'.repeat(14_000)] as const),
    );
    const bytes = block(big);
    client.frame(type.headers, endStream, 1, bytes.subarray(0, 16_000));
    for (let at = 16_000; at < bytes.length; at += 16_000)
      client.frame(type.continuation, at + 16_000 >= bytes.length ? endHeaders : 0, 1, bytes.subarray(at, at + 16_000));
    expect(await client.reset(1)).toBe(code.enhanceYourCalm);
    expect(upstream.connections).toHaveLength(0);
    await othersAreServed();
  });
});

describe('floods end their connection and disturb no other', () => {
  it('requests that are reset at once (CVE-2023-44487)', async () => {
    const bytes: Buffer[] = [];
    for (let index = 0; index < 2_000; index += 1) {
      bytes.push(frameBytes(type.headers, endStream | endHeaders, index * 2 + 1, block(get())));
      bytes.push(frameBytes(type.rstStream, 0, index * 2 + 1, number(code.cancel)));
    }
    client.raw(Buffer.concat(bytes));
    expect(await client.goneAway()).toBe(code.enhanceYourCalm);
    await client.closed;
    expect(await cutFor(gateway, 'too-many-resets')).toBe(1);
    expect(upstream.connections.length).toBeLessThan(400);
    await othersAreServed();
  });

  it('requests that make us reset them (CVE-2025-8671)', async () => {
    const bytes: Buffer[] = [];
    for (let index = 0; index < 2_000; index += 1) {
      bytes.push(frameBytes(type.headers, endStream | endHeaders, index * 2 + 1, block(get())));
      bytes.push(frameBytes(type.windowUpdate, 0, index * 2 + 1, number(0)));
    }
    client.raw(Buffer.concat(bytes));
    await client.goneAway();
    await client.closed;
    expect(upstream.connections.length).toBeLessThan(400);
    await othersAreServed();
  });

  it('field blocks without an end (CVE-2024-27316)', async () => {
    client.frame(type.headers, endStream, 1, block(get()));
    for (let index = 0; index < 5_000 && !client.socket.destroyed; index += 1)
      client.frame(type.continuation, 0, 1, block([[`x-${index}`, 'v'.repeat(1_000)]]));
    await client.closed;
    await othersAreServed();
  });

  it('pings and settings that want to be acknowledged by one who does not read', async () => {
    client.socket.pause();
    for (const kind of [type.ping, type.settings]) {
      for (let index = 0; index < 20_000 && !client.socket.destroyed; index += 1)
        client.frame(kind, 0, 0, kind === type.ping ? Buffer.alloc(8) : Buffer.alloc(0));
    }
    client.socket.resume();
    await client.closed;
    await othersAreServed();
  });

  it('a head that never ends is not waited for', async () => {
    client.frame(type.headers, endStream, 1, block(get()));
    await client.closed;
    await othersAreServed();
  });
});
