import http from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { answering, connect, eventually, type Wire } from '../gateway/wire.ts';
import { type ForwarderHarness, fieldsOf, ok } from './forwarder-harness.ts';

const mib = 1024 * 1024;
const block = Buffer.alloc(64 * 1024, 'x');

function blocks(bytes: number): Readable {
  return Readable.from(
    (function* () {
      for (let sent = 0; sent < bytes; sent += block.length) yield block;
    })(),
  );
}

/** Resolves with the number when it has not changed for 50 looks. */
async function settled(read: () => number): Promise<number> {
  let last = -1;
  let same = 0;
  return eventually(() => {
    same = read() === last ? same + 1 : 0;
    last = read();
    return same > 50 ? last : undefined;
  });
}

/** What every forwarder must do with time, with ends of different pace, and with connections: order and cause, as each end sees them. */
export function flowCases({ it, between, inFrontOf, httpUpstream }: ForwarderHarness): void {
  describe('ends that stand still', () => {
    it('cut both when the upstream stops in the middle of its answer', async () => {
      const { upstream, client } = await between(
        async (wire) => {
          await wire.until(/\r\n\r\n/);
          wire.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
        },
        { idleTimeoutMs: 60 },
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.end()).toMatch(/half$/);
      await upstream.connections[0]!.closed;
    });

    it('cut both when the client stops reading its answer', async () => {
      const { upstream, client } = await between(
        async (wire) => {
          await wire.until(/\r\n\r\n/);
          wire.send(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * mib}\r\n\r\n`);
          blocks(64 * mib).pipe(wire.socket);
        },
        { idleTimeoutMs: 60 },
      );
      client.socket.pause();
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await (await upstream.connection(0)).closed;
      client.socket.resume();
      expect((await client.end()).length).toBeLessThan(64 * mib);
    });

    it('are not those that send a little again and again', async () => {
      const { client } = await between(
        async (wire) => {
          await wire.until(/\r\n\r\n/);
          wire.send('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n');
          for (let sent = 0; sent < 20; sent += 1) {
            wire.send('x');
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        },
        { idleTimeoutMs: 200, responseTimeoutMs: 200 },
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/x{20}$/);
    });

    it('are 504 when the upstream takes no more of the body', async () => {
      const { client } = await between((wire) => void wire.socket.pause(), { requestTimeoutMs: 100 });
      client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${64 * mib}\r\n\r\n`);
      blocks(64 * mib).pipe(client.socket);
      await client.until(/^HTTP\/1\.1 504 [\s\S]*"upstream-response-timeout"/);
    });

    it('give the answer its own time after the body has come', async () => {
      const { client } = await between(() => {}, { requestTimeoutMs: 60_000, responseTimeoutMs: 60 });
      client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
      await client.until(/^HTTP\/1\.1 504 [\s\S]*"upstream-response-timeout"/);
    });
  });

  describe('upstream connections', () => {
    const served = (wire: Wire) => {
      let seen = 0;
      wire.socket.on('data', () => {
        const requests = wire.received.split(/POST \S+ HTTP[\s\S]*?\r\n\r\nhello/).length - 1;
        for (; seen < requests; seen += 1) wire.send(ok);
      });
    };
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';

    it('are used again for a POST right after one', async () => {
      const { upstream, client } = await between(served);
      client.send(post);
      await client.until(/ok$/);
      client.send(post);
      await client.until(/ok[\s\S]+ok$/);
      expect(upstream.connections).toHaveLength(1);
    });

    it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE'])(
      'carry nothing after a %s with a body, which an application that reads none would take for a request',
      async (method) => {
        const { upstream, client } = await between(answering(ok.replace('ok', method === 'HEAD' ? '' : 'ok')));
        const evil = 'GET /evil HTTP/1.1\r\nX: ';
        client.send(`${method} /first HTTP/1.1\r\nHost: a\r\nContent-Length: ${evil.length}\r\n\r\n${evil}`);
        await client.until(/200 OK[\s\S]*\r\n\r\n/);
        client.send('GET /second HTTP/1.1\r\nHost: a\r\n\r\n');
        await (await upstream.connection(1)).until(/^GET \/second /);
        expect(fieldsOf(upstream.connections[0]!.received, 'connection')).toEqual(['close']);
        expect(upstream.connections[0]!.received).not.toContain('/second');
      },
    );

    it('that close while a POST is on its way give 502, and it is not sent again', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/hello$/);
        wire.send(ok);
        await wire.until(/hello[\s\S]+hello$/);
        wire.socket.destroy();
      });
      client.send(post);
      await client.until(/ok$/);
      client.send(post);
      await client.until(/ok[\s\S]*HTTP\/1\.1 502 [\s\S]*"upstream-broke-off"/);
      expect(upstream.connections).toHaveLength(1);
    });

    it('that the upstream says it closes are not used again', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
      });
      client.send('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/ok$/);
      client.send('GET /b HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/ok[\s\S]+ok$/);
      expect(upstream.connections).toHaveLength(2);
    });

    it('serve many clients at once without mixing them up', async () => {
      const origin = await httpUpstream((request, response) => {
        setImmediate(() => response.end(request.url));
      });
      const { forwarder } = await inFrontOf(origin);
      const clients = await Promise.all(Array.from({ length: 50 }, () => connect(forwarder.port)));
      for (let round = 0; round < 3; round += 1) {
        for (const [index, client] of clients.entries())
          client.send(`GET /${round}-${index}. HTTP/1.1\r\nHost: a\r\n\r\n`);
        await Promise.all(clients.map((client, index) => client.until(new RegExp(`/${round}-${index}\\.`))));
      }
      clients.forEach((client, index) => {
        const bodies = [...client.received.matchAll(/\/(\d)-(\d+)\./g)].map((match) => match[0]);
        expect(bodies).toEqual([0, 1, 2].map((round) => `/${round}-${index}.`));
        client.socket.destroy();
      });
    });
  });

  describe('both ways at once', () => {
    it('answers while the request still comes, as long as both ends go on', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/ping 1/);
        wire.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npong 1\r\n');
        await wire.until(/ping 2/);
        wire.send('6\r\npong 2\r\n');
        await wire.until(/0\r\n\r\n$/);
        wire.send('0\r\n\r\n');
      });
      client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nping 1\r\n');
      await client.until(/pong 1/);
      client.send('6\r\nping 2\r\n');
      await client.until(/pong 2/);
      client.send('0\r\n\r\n');
      await client.until(/0\r\n\r\n$/);
      expect(upstream.connections).toHaveLength(1);
    });

    it('show the head of an event stream that begins with silence', async () => {
      const { client } = await between(
        answering('HTTP/1.1 200 OK\r\nX-Name: K\xf6ln\r\nTransfer-Encoding: chunked\r\n\r\n'),
      );
      client.send('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(fieldsOf(await client.until(/\r\n\r\n$/), 'x-name')).toEqual(['K\xf6ln']);
    });

    it('keep an event stream open in silence and close it when the client leaves', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n');
      });
      client.send('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/data: 1\n\n/);
      upstream.connections[0]!.send(': ping\n\n');
      await client.until(/: ping\n\n/);
      client.socket.destroy();
      await upstream.connections[0]!.closed;
    });
  });

  describe('tunnels', () => {
    const upgrade = (protocol: string) =>
      `GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
    const switched = (protocol: string) =>
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

    async function tunnel(protocol = 'websocket') {
      const made = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.socket.allowHalfOpen = true;
        wire.send(switched(protocol));
      });
      made.client.socket.allowHalfOpen = true;
      made.client.send(upgrade(protocol));
      await made.client.until(/\r\n\r\n$/);
      return { ...made, wire: made.upstream.connections[0]! };
    }

    it.each(['websocket', 'TLS/1.0', 'something/9, else'])('carry the protocol %s', async (protocol) => {
      const { client, wire } = await tunnel(protocol);
      expect(fieldsOf(wire.received, 'upgrade')).toEqual([protocol]);
      expect(fieldsOf(client.received, 'upgrade')).toEqual([protocol]);
      wire.send('\x81\xff\r\n\r\nGET');
      await client.until(/\x81\xff\r\n\r\nGET$/);
    });

    it('take what the client has sent with its wish', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(`${switched('x')}hello`);
      });
      client.send(`${upgrade('x')}early`);
      await client.until(/hello$/);
      await upstream.connections[0]!.until(/\r\n\r\nearly$/);
    });

    it.each(['client', 'upstream'] as const)('stay open for the other when the %s has no more to say', async (who) => {
      const { client, wire } = await tunnel();
      const [quiet, talking] = who === 'client' ? [client, wire] : [wire, client];
      quiet.socket.end('last words');
      await talking.until(/last words$/);
      await eventually(() => talking.socket.readableEnded);
      talking.send('still here');
      await quiet.until(/still here$/);
      talking.socket.end();
      await Promise.all([quiet.closed, talking.closed]);
    });

    it.each(['client', 'upstream'] as const)('stop reading when the %s does not read', async (who) => {
      const { client, wire } = await tunnel();
      const [slow, fast] = who === 'client' ? [client, wire] : [wire, client];
      slow.socket.pause();
      blocks(256 * mib).pipe(fast.socket);
      await settled(() => fast.socket.bytesWritten);
      expect(fast.socket.writableNeedDrain).toBe(true);
      expect(fast.socket.bytesWritten).toBeLessThan(64 * mib);
    });

    it('are cut when nothing moves for the time that is declared', async () => {
      const { upstream, client } = await between(
        async (wire) => {
          await wire.until(/\r\n\r\n/);
          wire.send(switched('x'));
        },
        { target: { timeouts: { connect: '1s', request: '1s', response: '1s', tunnel: '60ms' } } },
      );
      client.send(upgrade('x'));
      await client.until(/101/);
      await client.closed;
      await upstream.connections[0]!.closed;
    });
  });

  describe('targets', () => {
    it('are answered 503 at once while their breaker is open, and asked again by one request', async () => {
      let silent = true;
      const { upstream, client } = await between(
        async (wire) => {
          await wire.until(/\r\n\r\n/);
          if (!silent) wire.send(ok);
        },
        { responseTimeoutMs: 40, target: { breaker: { failures: 2, openFor: '300ms' } } },
      );
      const ask = async (expected: RegExp) => {
        const before = client.received.length;
        client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await eventually(() => expected.test(client.received.slice(before)));
      };
      await ask(/504 [\s\S]*\}/);
      await ask(/504 [\s\S]*\}/);
      await ask(/503 [\s\S]*"target-suspended"[\s\S]*\}/);
      expect(upstream.connections).toHaveLength(2);
      silent = false;
      const answered = async () => {
        const before = client.received.length;
        client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await eventually(() => /(ok|\}\n)$/.test(client.received.slice(before)));
        return client.received.endsWith('ok');
      };
      await eventually(answered);
      expect(upstream.connections).toHaveLength(3);
    });

    it('get no more requests at a time than declared; the others wait in their order, and what does not fit is 503', async () => {
      const { upstream, forwarder, client } = await between(() => {}, {
        target: { limits: { requests: 1, queue: 1, queueTimeout: '60s' } },
      });
      const clients = [client, await connect(forwarder.port), await connect(forwarder.port)];
      const get = (name: string) => `GET /${name} HTTP/1.1\r\nHost: a\r\n\r\n`;
      clients[0]!.send(get('first'));
      const wire = await upstream.connection(0);
      await wire.until(/first/);
      clients[1]!.send(get('second'));
      clients[2]!.send(get('third'));
      await Promise.race([1, 2].map((index) => clients[index]!.until(/503 [\s\S]*"target-busy"/)));
      expect(upstream.connections.map(({ received }) => received).join()).not.toMatch(/second|third/);
      wire.send(ok);
      await clients[0]!.until(/ok$/);
      await eventually(() => upstream.connections.some(({ received }) => /second|third/.test(received)));
      for (const one of clients) one.socket.destroy();
    });

    it('get the whole of a body that began to come while its request waited', async () => {
      const { upstream, forwarder, client } = await between(() => {}, {
        requestTimeoutMs: 2_000,
        target: { limits: { requests: 1, queue: 1, queueTimeout: '60s' } },
      });
      const other = await connect(forwarder.port);
      client.send('GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
      const wire = await upstream.connection(0);
      await wire.until(/first/);
      const piece = 'x'.repeat(8_000);
      other.send(`POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: ${25 * piece.length}\r\n\r\n`);
      for (let sent = 0; sent < 25; sent += 1) {
        other.send(piece);
        await turn();
        await turn();
      }
      wire.send(ok);
      await wire.until(/second [\s\S]*\r\n\r\nx{200000}$/);
      other.socket.destroy();
    });

    it('may be Unix sockets', async () => {
      const { createServer } = http;
      const path = `/tmp/strangler-${process.pid}-${Math.random().toString(36).slice(2)}.sock`;
      const server = createServer((request, response) => response.end(`${request.headers.host} ${request.url}`));
      await new Promise<void>((resolve) => server.listen(path, resolve));
      try {
        const { client } = await inFrontOf(`unix:${path}`, { host: 'rewrite' });
        client.send('GET /x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n');
        expect(await client.end()).toMatch(/localhost \/x/);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });
  });

  describe("the operator's own pages", () => {
    const page = join(import.meta.dirname, '..', 'fixtures', 'error-page.html');
    const ask = (client: Wire, accept: string) =>
      client.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: ${accept}\r\n\r\n`);

    it('are shown to those who accept HTML, filled in as text', async () => {
      const { client } = await inFrontOf('http://127.0.0.1:9', { errorPages: { 503: page } });
      ask(client, 'text/html,application/xhtml+xml,*/*;q=0.8');
      const received = await client.end();
      expect(received).toMatch(/^HTTP\/1\.1 503 /);
      expect(fieldsOf(received, 'content-type')).toEqual(['text/html; charset=utf-8']);
      expect(received).toContain('<title>503 upstream-unreachable</title>');
      expect(received).toMatch(/<p>[\w-]{8,} \{\{other\}\}<\/p>/);
    });

    it.each([
      ['to programs', '*/*', { 503: page }],
      ['to those who refuse HTML', 'text/html;q=0, application/json', { 503: page }],
      ['of another status', 'text/html', { 502: page }],
    ])('are not shown %s, who get problem details', async (_, accept, errorPages) => {
      const { client } = await inFrontOf('http://127.0.0.1:9', { errorPages });
      ask(client, accept);
      expect(await client.end()).toMatch(/^HTTP\/1\.1 503 [\s\S]*application\/problem\+json/);
    });
  });

  describe('clients that leave', () => {
    it.each([
      ['while they wait for a place', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['in the middle of a chunk', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe'],
      ['in the middle of a head', 'GET / HTTP/1.1\r\nHo'],
    ])('%s disturb nobody', async (_, bytes) => {
      const { forwarder, client } = await between(answering(ok));
      const leaving = await connect(forwarder.port);
      leaving.send(bytes);
      leaving.socket.resetAndDestroy();
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/ok$/);
    });
  });
}
