import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { MemorySocket } from '../../fuzz/wire/memory-socket.ts';
import type { HandOverReason } from '../../gateway/forwarding/wire/wire-connection.ts';
import type { ForwarderOptions } from '../cases/forwarder-harness.ts';
import { type StartedWire, startWire } from './start-wire.ts';
import { answering, connect, eventually, rawServer, type Wire } from './wire.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe('the wire server', () => {
  const cleanups: (() => unknown)[] = [];
  const started: StartedWire[] = [];

  afterEach(async () => {
    const defects = started.splice(0).flatMap((server) => server.defects);
    for (const stop of cleanups.splice(0).reverse()) await stop();
    expect(defects).toEqual([]);
  });

  async function between(serve: (wire: Wire) => unknown, options?: ForwarderOptions) {
    const upstream = await rawServer(serve);
    cleanups.push(upstream.stop);
    const wire = await startWire(upstream.origin, options);
    started.push(wire);
    cleanups.push(wire.stop);
    return { upstream, wire, client: await dial(wire) };
  }

  async function dial({ port }: StartedWire): Promise<Wire> {
    const client = await connect(port);
    cleanups.push(() => client.socket.destroy());
    return client;
  }

  /** Answers each request with its own request line and body, whatever pieces they come in. */
  function echoing(wire: Wire): void {
    let taken = 0;
    wire.socket.on('data', () => {
      for (;;) {
        const rest = wire.received.slice(taken);
        const headEnd = rest.indexOf('\r\n\r\n') + 4;
        const length = Number(/^content-length: (\d+)/im.exec(rest.slice(0, headEnd))?.[1] ?? 0);
        if (headEnd < 4 || rest.length < headEnd + length) return;
        const said = `[${rest.slice(0, rest.indexOf('\r\n'))}|${rest.slice(headEnd, headEnd + length)}]`;
        taken += headEnd + length;
        wire.send(`HTTP/1.1 200 OK\r\nContent-Length: ${said.length}\r\n\r\n${said}`);
      }
    });
  }

  const echoes = (received: string) => received.match(/\[[^\]]*\]/g) ?? [];

  describe('serves itself', () => {
    const ordinary: readonly [string, string][] = [
      ['a GET', get('/')],
      [
        'a GET with everything a browser sends',
        'GET /a?b=c&d=%20 HTTP/1.1\r\nHost: shop.example:8080\r\nConnection: keep-alive\r\nCache-Control: max-age=0\r\nUpgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: text/html,*/*;q=0.8\r\nSec-Fetch-Mode: navigate\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\nCookie: a=1; b=2\r\n\r\n',
      ],
      ['a POST with a length', post('/', 'hello')],
      ['a POST without a body', 'POST / HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['DELETE with a body', 'DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi'],
      ['the last of a connection', 'GET / HTTP/1.1\r\nhost:a\r\nconnection: Close\r\n\r\n'],
      ['a head of 30 KiB', `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'c'.repeat(30_000)}\r\n\r\n`],
      ['bytes above ASCII in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX-City: K\xf6ln\r\n\r\n'],
    ];

    it.each(ordinary)('%s', async (_, bytes) => {
      const { wire, client } = await between(answering(ok));
      client.send(bytes);
      await client.until(/200 OK[\s\S]*ok$/);
      expect(wire.handedOver).toEqual([]);
    });
  });

  describe('hands over, and the general listener serves,', () => {
    const unusual: readonly [HandOverReason, string, string][] = [
      ['method', 'a method that few know', 'PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['method', 'an empty line before the request', `\r\n${get('/')}`],
      ['target', 'an absolute target', 'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['target', 'an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['version', 'HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n'],
      ['host', 'an IPv6 host', 'GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n'],
      ['framing', 'a chunked body', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
      ['framing', 'a length with a leading zero', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 02\r\n\r\nhi'],
      ['connection', 'other options of Connection', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x-a\r\n\r\n'],
      ['connection', 'Proxy-Connection', 'GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n'],
      ['upgrade', 'Upgrade', 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n'],
      ['expect', 'Expect', 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n'],
      ['trailer', 'TE', 'GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n'],
      ['size', 'a head above 32 KiB', `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'c'.repeat(40_000)}\r\n\r\n`],
    ];

    it.each(unusual)('for its %s, %s', async (why, _, bytes) => {
      const { wire, client } = await between(answering(ok));
      client.send(bytes);
      await client.until(/200 OK[\s\S]*ok$/);
      expect(wire.handedOver).toEqual([why]);
    });

    it('a head that comes byte by byte', async () => {
      const { wire, client } = await between(answering(ok));
      client.socket.setNoDelay(true);
      for (const byte of get('/slowly')) {
        client.send(byte);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await client.until(/ok$/);
      expect(wire.handedOver).toEqual(['slow']);
    });

    it('a head whose end does not come', async () => {
      const { wire, client } = await between(answering(ok));
      client.send('GET / HTTP/1.1\r\nHost: a\r\n');
      await eventually(() => wire.handedOver.length === 1);
      expect(wire.handedOver).toEqual(['slow']);
      client.send('\r\n');
      await client.until(/ok$/);
    });

    it('a request for an upstream that another forwarder is to carry', async () => {
      const { wire, client } = await between(answering(ok), { target: { forwarder: 'general' } });
      client.send(post('/', 'hello') + get('/'));
      await client.until(/ok[\s\S]*ok$/);
      expect(wire.handedOver).toEqual(['upstream']);
    });
  });

  describe('hands over, and the general listener refuses,', () => {
    const malformed: readonly [HandOverReason, string, string][] = [
      ['field', 'a bare line feed', 'GET / HTTP/1.1\nHost: a\n\n'],
      ['field', 'a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n'],
      ['field', 'a NUL', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\0\r\n\r\n'],
      ['field', 'a tab behind a length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\t\r\n\r\nhi'],
      ['framing', 'two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi'],
      ['host', 'two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
      ['host', 'no Host', 'GET / HTTP/1.1\r\n\r\n'],
      ['target', 'a control character in the target', 'GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['method', 'no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ];

    it.each(malformed)('for its %s, %s', async (why, _, bytes) => {
      const { upstream, wire, client } = await between(answering(ok));
      client.send(bytes);
      await client.until(/^HTTP\/1\.1 400 [\s\S]*"code":"bad-/);
      expect(wire.handedOver).toEqual([why]);
      expect(upstream.connections.map(({ received }) => received).join('')).toBe('');
    });
  });

  describe('keeps messages apart', () => {
    const both = post('/first', 'body') + get('/second');
    const answers = ['[POST /first HTTP/1.1|body]', '[GET /second HTTP/1.1|]'];

    /** What a client is answered whose bytes come in these pieces, each read before the next comes. */
    async function answered({ server }: StartedWire, pieces: readonly string[]): Promise<string> {
      const socket = new MemorySocket();
      server.take(socket as unknown as Socket, {
        remoteAddress: '127.0.0.1',
        secure: false,
        clientCertificate: 'not-asked',
      });
      for (const piece of pieces) {
        socket.push(Buffer.from(piece, 'latin1'));
        await turn();
      }
      await eventually(() => socket.written.includes('second'));
      socket.destroy();
      return socket.written;
    }

    it('wherever the bytes of two requests are cut', async () => {
      const { wire } = await between(echoing);
      for (let at = 1; at < both.length; at += 1) {
        const received = await answered(wire, [both.slice(0, at), both.slice(at)]);
        expect(echoes(received), `cut at ${at}`).toEqual(answers);
      }
      expect(wire.handedOver).toEqual([]);
    });

    it('when a body comes byte by byte', async () => {
      const { wire } = await between(echoing);
      const head = post('/first', 'body').slice(0, -'body'.length);
      expect(echoes(await answered(wire, [head, ...'body', get('/second')]))).toEqual(answers);
      expect(wire.handedOver).toEqual([]);
    });

    it.each([
      ['of known length', 'HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello'],
      [
        'in chunks',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a="b"\r\nhel\r\n02\r\nlo\r\n0\r\nX-Sum: 7\r\n\r\n',
      ],
      ['behind interim ones', `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}`],
    ])('wherever the bytes of an answer %s are cut', async (_, bytes) => {
      let cut = 0;
      const { upstream, client } = await between((wire) => {
        let seen = 0;
        wire.socket.setNoDelay(true).on('data', () => {
          if (wire.received.split('\r\n\r\n').length - 1 === seen) return;
          seen += 1;
          wire.send(bytes.slice(0, cut));
          void turn()
            .then(() => turn())
            .then(() => wire.send(bytes.slice(cut)));
        });
      });
      client.send(get('/whole'));
      cut = bytes.length;
      await eventually(() => client.received.length > 0);
      const whole = await settled(client);
      for (cut = 1; cut < bytes.length; cut += 1) {
        const before = client.received.length;
        client.send(get(`/${cut}`));
        await eventually(() => client.received.length >= before + whole.length);
        expect(sameRequestId(client.received.slice(before)), `cut at ${cut}`).toBe(sameRequestId(whole));
      }
      expect(upstream.connections).toHaveLength(1);
    });

    it('of all kinds on one connection, in their order, over to the general listener and on', async () => {
      const { wire, client } = await between(echoing);
      client.send(
        get('/1') +
          post('/2', 'two') +
          get('/3') +
          'GET /4 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n' +
          post('/5', 'five') +
          'DELETE http://a/6 HTTP/1.1\r\nHost: a\r\n\r\n' +
          get('/7'),
      );
      expect(echoes(await client.until(/GET \/7[^\]]*\]/))).toEqual([
        '[GET /1 HTTP/1.1|]',
        '[POST /2 HTTP/1.1|two]',
        '[GET /3 HTTP/1.1|]',
        '[GET /4 HTTP/1.1|]',
        '[POST /5 HTTP/1.1|five]',
        '[DELETE /6 HTTP/1.1|]',
        '[GET /7 HTTP/1.1|]',
      ]);
      expect(wire.handedOver).toEqual(['trailer']);
    });

    it('after a refusal, of a body too that nobody waits for', async () => {
      const { client } = await between((wire) => wire.until(/\r\n\r\n/).then(() => wire.socket.destroy()));
      client.send('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
      await client.until(/^HTTP\/1\.1 502 [\s\S]*\}\n$/);
      client.send('x'.repeat(100_000));
      client.send(get('/b'));
      await client.until(/\}\nHTTP\/1\.1 502 /);
    });

    it('when HEAD is refused: no body is sent', async () => {
      const { client } = await between((wire) => wire.until(/\r\n\r\n/).then(() => wire.socket.destroy()));
      client.send('HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(await client.end()).toMatch(/^HTTP\/1\.1 502 [\s\S]*Content-Length: [1-9]\d*[\s\S]*\r\n\r\n$/);
    });
  });

  it('gives a client that reads slowly every byte as it was sent', async () => {
    const numbers = Array.from({ length: 4_000_000 }, (_, index) => String(index).padStart(8, '0')).join('');
    const piece = 65_536;
    const { wire, client } = await between(async (connection) => {
      await connection.until(/\r\n\r\n/);
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${numbers.length}\r\n\r\n`);
      for (let at = 0; at < numbers.length; at += piece) connection.send(numbers.slice(at, at + piece));
    });
    client.socket.pause();
    client.send(get('/'));
    await eventually(() => wire.waitingBytes() > 0);
    await standstill(wire.waitingBytes);
    client.socket.resume();
    await eventually(() => client.received.endsWith('03999999'));
    expect(client.received.slice(-numbers.length) === numbers).toBe(true);
  });

  describe('uses an upstream connection again', () => {
    it('for a GET, but does not send it twice when a byte of an answer has come', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/first/);
        wire.send(ok);
        await wire.until(/second/);
        wire.socket.end('HTTP/1.1 2');
      });
      client.send(get('/first'));
      await client.until(/ok$/);
      client.send(get('/second'));
      await client.until(/ok[\s\S]*HTTP\/1\.1 502 /);
      expect(upstream.connections).toHaveLength(1);
    });

    it('for a POST that follows soon, and answers 502 when it is closed then: it may have been done', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/first/);
        wire.send(ok);
        await wire.until(/second/);
        wire.socket.destroy();
      });
      client.send(post('/first', 'a'));
      await client.until(/ok$/);
      client.send(post('/second', 'b'));
      await client.until(/ok[\s\S]*HTTP\/1\.1 502 [\s\S]*upstream-broke-off/);
      expect(upstream.connections).toHaveLength(1);
    });

    it.each([
      ['says that it closes', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
      ['says so among other options', 'HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok'],
      ['speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
      ['has said more than its answer', `${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`],
      [
        'keeps connections for a second at most',
        'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nok',
      ],
    ])('but not of one that %s', async (_, bytes) => {
      const { upstream, client } = await between(answering(bytes));
      client.send(get('/a'));
      await client.until(/ok$/);
      await upstream.connections[0]!.closed;
      client.send(get('/b'));
      expect(await client.until(/ok[\s\S]*ok$/)).not.toContain('evil');
      expect(upstream.connections).toHaveLength(2);
    });
  });

  describe('refuses an answer', () => {
    it.each([
      [
        'whose coding has a tab behind it, which Node reads as none',
        'Transfer-Encoding: chunked\t\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      ],
      ['in another coding beside chunked', 'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
      ['whose first chunk is none', 'Transfer-Encoding: chunked\r\n\r\nxyz\r\n'],
    ])('%s', async (_, rest) => {
      const { client } = await between(answering(`HTTP/1.1 200 OK\r\n${rest}`));
      client.send(get('/'));
      await client.until(/^HTTP\/1\.1 502 [\s\S]*"code":"upstream-bad-answer"/);
    });

    it.each([
      ['of HTTP/1.0', 'HTTP/1.0 103 Early Hints\r\n\r\n'],
      ['that closes', 'HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n'],
    ])('behind an interim one %s, where Node reads no further', async (_, interim) => {
      const { client } = await between(answering(interim + ok));
      client.send(get('/'));
      await client.until(/^HTTP\/1\.1 502 [\s\S]*"code":"upstream-bad-answer"/);
    });

    it('whose trailer section says a length, which Node takes for malformed, by breaking off', async () => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n');
        await eventually(() => client.received.includes('ok'));
        wire.send('0\r\nContent-Length: 0\r\n\r\n');
      });
      client.send(get('/'));
      expect(await client.end()).toMatch(/\r\n2\r\nok\r\n$/);
    });

    it('in a later chunk by breaking off, so that the client can tell', async () => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n');
        await eventually(() => client.received.includes('ok'));
        wire.send('xyz\r\n');
      });
      client.send(get('/'));
      expect(await client.end()).toMatch(/\r\n2\r\nok\r\n$/);
    });
  });

  describe('when it is drained', () => {
    it('says close with the answer that is on its way, and closes what waits for a request', async () => {
      const { upstream, wire, client } = await between(async (connection) => {
        await connection.until(/\r\n\r\n/);
      });
      const idle = await dial(wire);
      client.send(get('/'));
      const connection = await upstream.connection(0);
      await connection.until(/\r\n\r\n/);
      wire.server.drain();
      wire.server.closeIdle();
      await idle.closed;
      connection.send(ok);
      expect(await client.end()).toMatch(/\r\nConnection: close\r\n\r\nok$/);
    });
  });

  it('tells a client that closes in the middle of a head', async () => {
    const { client } = await between(answering(ok));
    client.send('GET / HTTP/1.1\r\nHost');
    await turn();
    client.socket.end();
    expect(await client.end()).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"bad-request"/);
  });
});

/** An answer without what differs from one to the next. */
function sameRequestId(answer: string): string {
  return answer.replace(/X-Request-Id: \S+/gi, 'X-Request-Id: …');
}

/** What a connection has said when it says nothing new any more. */
async function settled(wire: Wire): Promise<string> {
  await standstill(() => wire.received.length);
  return wire.received;
}

/** Resolves when a number has stayed the same for some turns of the loop. */
async function standstill(measure: () => number): Promise<void> {
  for (let quiet = 0, seen = -1; quiet < 20; quiet = measure() === seen ? quiet + 1 : 0) {
    seen = measure();
    await turn();
  }
}
