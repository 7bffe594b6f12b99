import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import zlib from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { StartedForwarder } from '../cases/forwarder-harness.ts';
import { startGeneralForwarder } from './start-forwarder.ts';

const open: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

/** An application on loopback and a gateway before it that rewrites bodies. */
async function behindGateway(application: (origin: string) => RequestListener, keys: object = {}) {
  const server = http.createServer((request, response) => application(origin)(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  open.push({ stop: () => server.close().closeAllConnections() });
  const target = { rewriteBodies: true, ...keys };
  const gateway: StartedForwarder = await startGeneralForwarder(origin, { host: 'rewrite', target });
  open.push(gateway);
  const ask = async (
    path: string,
    headers: http.OutgoingHttpHeaders = {},
    method = 'GET',
  ): Promise<IncomingMessage> => {
    const host = 'shop.example';
    const request = http
      .request({ port: gateway.port, path, method, headers: { host, ...headers }, agent: false })
      .end();
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    return answer;
  };
  return { origin, ask, gateway };
}

const page = (origin: string) => `<a href="${origin}/a">a</a> ${JSON.stringify(origin).replaceAll('/', '\\/')}`;
const publicPage = '<a href="http://shop.example/a">a</a> "http:\\/\\/shop.example"';
const html = { 'content-type': 'text/html', etag: '"1"', 'accept-ranges': 'bytes' };

describe('an answer whose body is rewritten', () => {
  it('is chunked, says no length, and has the same fields for HEAD', async () => {
    const { ask } = await behindGateway((origin) => (_, response) => {
      response.writeHead(200, { ...html, 'content-length': page(origin).length }).end(page(origin));
    });
    const got = await ask('/');
    expect(await text(got)).toBe(publicPage);
    const head = await ask('/', {}, 'HEAD');
    expect(await text(head)).toBe('');
    const { 'transfer-encoding': coding, date: _, 'x-request-id': __, ...fields } = got.headers;
    const { date: ___, 'x-request-id': ____, ...headFields } = head.headers;
    expect(coding).toBe('chunked');
    expect(fields).toEqual({ 'content-type': 'text/html', etag: 'W/"1"', connection: 'close' });
    expect(headFields).toEqual(fields);
  });

  it.each([
    ['keep', 'gzip'],
    ['identity', undefined],
  ])('came compressed and goes as %s says', async (coding, expected) => {
    const { ask } = await behindGateway(
      (origin) => (request, response) => {
        expect(request.headers['accept-encoding']).toBe('gzip');
        response.writeHead(200, { ...html, 'content-encoding': 'gzip' }).end(zlib.gzipSync(page(origin)));
      },
      { rewriteBodies: { coding } },
    );
    const got = await ask('/', { 'accept-encoding': 'sdch, gzip' });
    expect(got.headers['content-encoding']).toBe(expected);
    const body = await buffer(got);
    expect((expected ? zlib.gunzipSync(body) : body).toString()).toBe(publicPage);
  });

  it('comes in pieces as the application sends them', async () => {
    let next = () => {};
    const { ask } = await behindGateway(
      (origin) => (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${origin}/1\n\n`);
        next = () => response.end(`data: ${origin}/2\n\n`);
      },
      { rewriteBodies: { types: ['text/event-stream'] } },
    );
    const got = await ask('/');
    expect(String((await once(got, 'data'))[0])).toBe('data: http://shop.example/1\n\n');
    next();
    expect(await text(got)).toBe('data: http://shop.example/2\n\n');
  });

  it('is broken off, so that the client can tell, when it expands too far; others are served', async () => {
    const bomb = zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const { ask, gateway } = await behindGateway((origin) => ({ url }, response) => {
      if (url === '/bomb') response.writeHead(200, { ...html, 'content-encoding': 'gzip' }).end(bomb);
      else response.writeHead(200, html).end(page(origin));
    });
    await expect(text(await ask('/bomb'))).rejects.toThrow('aborted');
    expect(await text(await ask('/'))).toBe(publicPage);
    expect(gateway.defects).toEqual([]);
  });

  it('is broken off when the application breaks off', async () => {
    const { ask } = await behindGateway(() => (_, response) => {
      response.writeHead(200, { ...html, 'content-encoding': 'gzip' });
      response.write(zlib.gzipSync('x'.repeat(1_000)).subarray(0, 20), () => response.destroy());
    });
    await expect(ask('/').then(text)).rejects.toThrow(/aborted|hang up/);
  });

  it('stops the application when the client leaves', async () => {
    let gone = () => {};
    const left = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const { ask } = await behindGateway(() => (_, response) => {
      response.writeHead(200, html).write('x'.repeat(100));
      response.once('close', gone);
    });
    (await ask('/')).destroy();
    await left;
  });

  it('is asked for whole when the client wants a part; a part of another kind is passed on', async () => {
    const asked: (string | undefined)[] = [];
    const { ask } = await behindGateway((origin) => ({ url, headers }, response) => {
      asked.push(headers.range);
      const type = { 'content-type': url === '/page' ? 'text/html' : 'video/mp4' };
      if (headers.range) response.writeHead(206, { ...type, 'content-range': 'bytes 0-3/9' }).end('four');
      else response.writeHead(200, type).end(page(origin));
    });
    const whole = await ask('/page', { range: 'bytes=0-3', 'if-range': '"1"' });
    expect([whole.statusCode, await text(whole)]).toEqual([200, publicPage]);
    const part = await ask('/film', { range: 'bytes=0-3' });
    expect([part.statusCode, part.headers['content-range'], await text(part)]).toEqual([206, 'bytes 0-3/9', 'four']);
    expect(asked).toEqual(['bytes=0-3', undefined, 'bytes=0-3']);
  });
});

it('keeps every cookie of an answer, in its order, two of one name too', async () => {
  const cookies = ['a=1; path=/wp-admin', 'a=1; path=/wp-content/plugins', 'b=2; Domain=127.0.0.1', 'c=3'];
  const { ask } = await behindGateway(() => (_, response) => response.writeHead(302, { 'set-cookie': cookies }).end());
  const got = await ask('/');
  expect(got.headers['set-cookie']).toEqual([cookies[0], cookies[1], 'b=2', cookies[3]]);
});

it('tells an application that sees its own Host where it stands, and shows its answer to the origin that asked', async () => {
  const { ask } = await behindGateway(
    (origin) =>
      ({ headers, url }, response) => {
        response.setHeader('access-control-allow-origin', headers.origin ?? '');
        response.setHeader('location', `${headers.referer}?to=${encodeURIComponent(origin)}`);
        response.setHeader('x-asked', `${headers.host === new URL(origin).host} ${headers.origin === origin} ${url}`);
        response.writeHead(302).end();
      },
    { rewriteQueries: true },
  );
  const from = { origin: 'http://shop.example', referer: 'http://shop.example/form' };
  const { headers } = await ask('/?to=http%3A%2F%2Felse.example', from);
  expect(headers['access-control-allow-origin']).toBe('http://shop.example');
  expect(headers.location).toBe('http://shop.example/form?to=http%3A%2F%2Fshop.example');
  expect(headers['x-asked']).toBe('true true /?to=http%3A%2F%2Felse.example');
});
