import { once } from 'node:events';
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cutFor, type StartedGateway, startGatewayBefore } from './start-gateway.ts';
import { eventually, type RawServer, rawServer, type Wire } from './wire.ts';

const fixture = (name: string) => join(import.meta.dirname, '../fixtures/tls', name);
const tls = { cert: fixture('default.pem'), key: fixture('default.key.pem') };

let upstream: RawServer;
let gateway: StartedGateway;
let session: ClientHttp2Session;
let cleanups: (() => Promise<unknown>)[];
/** What the application does with a connection. */
let serve: (wire: Wire) => unknown;

beforeEach(async () => {
  serve = () => {};
  upstream = await rawServer((wire) => serve(wire));
  cleanups = [upstream.stop];
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function start(listener: object = {}, legacy: object = {}): Promise<void> {
  gateway = await startGatewayBefore(upstream.origin, { tls, ...listener }, legacy);
  cleanups.push(gateway.stop);
  session = await open();
}

async function open(): Promise<ClientHttp2Session> {
  const opened = http2.connect(gateway.publicUrl, { rejectUnauthorized: false });
  opened.on('error', () => {});
  cleanups.push(async () => opened.destroy());
  await once(opened, 'remoteSettings');
  return opened;
}

function request(headers: OutgoingHttpHeaders, options: { endStream?: boolean } = {}): ClientHttp2Stream {
  const stream = session.request({ ':authority': 'shop.test', ...headers }, options);
  stream.on('error', () => {});
  return stream;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: http2.IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: http2.IncomingHttpHeaders;
  /** How the stream ended. */
  readonly code: number;
}

/** `once` would reject where a stream is reset. */
const closed = (stream: ClientHttp2Stream) => new Promise<void>((resolve) => stream.once('close', () => resolve()));

async function answer(stream: ClientHttp2Stream): Promise<Answer> {
  let headers: http2.IncomingHttpHeaders = {};
  let trailers: http2.IncomingHttpHeaders = {};
  let body = '';
  stream.on('response', (received) => {
    headers = received;
  });
  stream.on('trailers', (received) => {
    trailers = received;
  });
  stream.on('data', (chunk) => {
    body += chunk;
  });
  await closed(stream);
  return { status: headers[':status'] as number | undefined, headers, body, trailers, code: stream.rstCode };
}

const get = (path = '/', more: OutgoingHttpHeaders = {}) =>
  answer(request({ ':path': path, ...more }, { endStream: true }));
const answers = (bytes: string) => (wire: Wire) => void wire.until(/\r\n\r\n/).then(() => wire.send(bytes));
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a request', () => {
  it('arrives at the application as HTTP/1.1 says it', async () => {
    serve = answers(ok);
    await start();
    const answered = await get('/a/../%2F?q=1', {
      cookie: ['a=1', 'b=2'],
      'X-Two': ['1', '2'],
      te: 'trailers',
      accept: '*/*',
    });
    expect(answered).toMatchObject({ status: 200, body: 'ok', code: 0 });
    const { received } = upstream.connections[0]!;
    const lines = received.split('\r\n');
    expect(lines[0]).toBe('GET /a/../%2F?q=1 HTTP/1.1');
    expect(lines[1]).toBe('Host: shop.test');
    expect(lines.filter((line) => /^(cookie|x-two|te|accept):/i.test(line))).toEqual([
      'cookie: a=1; b=2',
      'x-two: 1',
      'x-two: 2',
      'accept: */*',
    ]);
    expect(received).toContain('X-Forwarded-Proto: https');
    expect(received).not.toMatch(/transfer-encoding|content-length|^:/im);
  });

  it('with a body of unknown length is sent chunked, its trailers after it', async () => {
    serve = (wire) => void wire.until(/\r\n0\r\n(.*\r\n)*\r\n/).then(() => wire.send(ok));
    await start();
    const stream = session.request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
    stream.end('hello');
    expect((await answer(stream)).status).toBe(200);
    expect(upstream.connections[0]!.received).toMatch(
      /Transfer-Encoding: chunked.*\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 7\r\n\r\n$/s,
    );
  });

  it.each(['GET', 'DELETE', 'POST'])('with method %s keeps the length that it declares', async (method) => {
    serve = (wire) => void wire.until(/hello/).then(() => wire.send(ok));
    await start();
    const stream = request({ ':method': method, ':path': '/', 'content-length': 5 }, { endStream: false });
    stream.end('hello');
    expect((await answer(stream)).status).toBe(200);
    expect(upstream.connections[0]!.received).toMatch(/Content-Length: 5\r\n(.*\r\n)*\r\nhello$/);
  });

  it('that expects 100 is told to go on when the application says so', async () => {
    serve = async (wire) => {
      await wire.until(/expect: 100-continue\r\n(.*\r\n)*\r\n/i);
      wire.send('HTTP/1.1 100 Continue\r\n\r\n');
      await wire.until(/hello/);
      wire.send(ok);
    };
    await start();
    const stream = request({ ':method': 'POST', ':path': '/', expect: '100-continue' }, { endStream: false });
    stream.once('continue', () => stream.end('hello'));
    expect((await answer(stream)).status).toBe(200);
  });

  it.each([
    ['CONNECT', { ':method': 'CONNECT', ':authority': 'shop.test:443' }, 405, 'no-tunnel'],
    ['two hosts', { ':path': '/', host: 'other.test' }, 400, 'bad-host'],
    ['an authority with a user', { ':path': '/', ':authority': 'a@shop.test' }, 400, 'bad-host'],
    ['a method that Node would send as another', { ':path': '/', ':method': 'get' }, 400, 'bad-request'],
    ['another scheme', { ':path': '/', ':scheme': 'ftp' }, 400, 'bad-request'],
  ])('with %s is refused and reaches no application, others are served', async (_, headers, status, problem) => {
    serve = answers(ok);
    await start();
    const refused = await answer(request(headers));
    expect(refused.status).toBe(status);
    expect(JSON.parse(refused.body)).toMatchObject({ code: problem });
    expect(upstream.connections).toHaveLength(0);
    expect((await get()).status).toBe(200);
  });
});

describe('an answer', () => {
  it('keeps its fields, their number and order; what is of HTTP/1.1 connections stays behind', async () => {
    serve = answers(
      'HTTP/1.1 201 Made\r\nX-B: 1\r\nX-A: 2\r\nX-B: 3\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Content-Type-Options: nosniff\r\n' +
        'X-Content-Type-Options: nosniff\r\nExpires: 0\r\nExpires: Thu\r\nKeep-Alive: timeout=5\r\nConnection: x-hop\r\nX-Hop: 1\r\nContent-Length: 0\r\n\r\n',
    );
    await start();
    const { status, headers } = await get();
    expect(status).toBe(201);
    expect(headers).toMatchObject({
      'x-b': '1, 3',
      'set-cookie': ['a=1', 'b=2'],
      'x-content-type-options': 'nosniff',
      expires: '0, Thu',
      'content-length': '0',
    });
    for (const name of ['keep-alive', 'connection', 'x-hop', 'transfer-encoding'])
      expect(headers[name]).toBeUndefined();
  });

  it('in chunks brings its trailers', async () => {
    serve = answers('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n');
    await start();
    expect(await get()).toMatchObject({ status: 200, body: 'hello', trailers: { 'x-sum': '7' }, code: 0 });
  });

  it('until close is whole when the application closes', async () => {
    serve = (wire) => void wire.until(/\r\n\r\n/).then(() => wire.socket.end('HTTP/1.1 200 OK\r\n\r\nhello'));
    await start();
    expect(await get()).toMatchObject({ status: 200, body: 'hello', code: 0 });
  });

  it.each([
    ['HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n', 200],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 9\r\n\r\n', 304],
    ['205', 'POST', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n', 205],
  ])('without a body (%s) ends with its head', async (_, method, bytes, status) => {
    serve = answers(bytes);
    await start();
    expect(await get('/', { ':method': method })).toMatchObject({ status, body: '', code: 0 });
  });

  it('is preceded by early hints', async () => {
    serve = answers(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n${ok}`);
    await start();
    const stream = request({ ':path': '/' });
    const hinted = once(stream, 'headers');
    const answered = answer(stream);
    expect((await hinted)[0]).toMatchObject({ ':status': 103, link: '</a.css>; rel=preload' });
    expect((await answered).status).toBe(200);
  });

  it('that breaks off resets the stream, so that nobody takes it for whole; the connection goes on', async () => {
    await start();
    for (const head of ['Content-Length: 10\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n']) {
      serve = async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(`HTTP/1.1 200 OK\r\n${head}`);
        await new Promise(setImmediate);
        wire.socket.end();
      };
      expect(await get()).toMatchObject({ code: http2.constants.NGHTTP2_INTERNAL_ERROR });
    }
    serve = answers(ok);
    expect((await get()).status).toBe(200);
  });

  it('before the upload is whole is complete, and the client is told to stop', async () => {
    serve = answers('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
    await start();
    const stream = request({ ':method': 'POST', ':path': '/' }, { endStream: false });
    stream.write('hello');
    expect(await answer(stream)).toMatchObject({ status: 413, body: 'no', code: http2.constants.NGHTTP2_NO_ERROR });
  });

  it('of an application that is not there says so', async () => {
    await start({}, { url: 'http://127.0.0.1:9' });
    const { status, body } = await get();
    expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([503, 'upstream-unreachable']);
  });
});

describe('a stream', () => {
  it.each([
    ['before the answer', ''],
    ['within the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
  ])('that its client resets %s is seen by the application at once', async (_, sent) => {
    serve = (wire) => void wire.until(/\r\n\r\n/).then(() => wire.send(sent));
    await start();
    const stream = request({ ':path': '/' });
    const wire = await upstream.connection(0);
    await wire.until(/\r\n\r\n/);
    if (sent !== '') await once(stream, 'response');
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await wire.closed;
    serve = answers(ok);
    expect((await get()).status).toBe(200);
  });

  it('is served beside a hundred others, each with its own answer', async () => {
    serve = async (wire) => {
      const path = /GET (\S+)/.exec(await wire.until(/\r\n\r\n/))![1]!;
      wire.send(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
    };
    await start();
    const paths = Array.from({ length: 100 }, (_, index) => `/item/${index}`);
    expect((await Promise.all(paths.map((path) => get(path)))).map(({ body }) => body)).toEqual(paths);
  });

  it('goes at the pace of its client, and of the application: nothing piles up in between', async () => {
    const total = 30_000_000;
    let sent = 0;
    serve = async (wire) => {
      await wire.until(/\r\n\r\n/);
      wire.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      const chunk = Buffer.alloc(100_000, 'd');
      for (; sent < total && !wire.socket.destroyed; sent += chunk.length) {
        if (!wire.socket.write(chunk)) await Promise.race([once(wire.socket, 'drain'), wire.closed]);
      }
    };
    await start();
    const stream = request({ ':path': '/' });
    await once(stream, 'response');
    const before = await standsStill(() => sent);
    expect(before).toBeLessThan(total / 2);
    expect(await drain(stream)).toBe(total);
  });
});

/** A count that no longer grows. */
async function standsStill(count: () => number): Promise<number> {
  let last = -1;
  await eventually(async () => {
    const before = last;
    await new Promise((resolve) => setTimeout(resolve, 50));
    last = count();
    return last === before && last > 0;
  });
  return last;
}

async function drain(stream: ClientHttp2Stream): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  return bytes;
}

describe('a connection', () => {
  it('that stops lets its requests finish, and sends new ones elsewhere', async () => {
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    serve = async (wire) => {
      await finished;
      wire.send(ok);
    };
    await start();
    const running = get();
    await eventually(() => upstream.connections[0]?.received.includes('\r\n\r\n'));
    const goaway = once(session, 'goaway');
    const stopped = gateway.stop();
    expect((await goaway)[0]).toBe(http2.constants.NGHTTP2_NO_ERROR);
    finish();
    expect(await running).toMatchObject({ status: 200, body: 'ok', code: 0 });
    await stopped;
  });

  it('on which nothing is asked is closed after a while', async () => {
    await start({ limits: { head: '100ms' } });
    await once(session, 'close');
  });

  it('whose client does not read what it asked for loses that stream', async () => {
    serve = answers(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`);
    await start({ limits: { stall: '300ms' } });
    const stream = request({ ':path': '/' });
    await once(stream, 'response');
    await closed(stream);
    expect(await cutFor(gateway, 'client-not-reading')).toBe(1);
  });
});
