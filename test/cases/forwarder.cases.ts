import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { answering, connect, eventually, rawServer, type Wire } from '../gateway/wire.ts';
import { flowCases } from './forwarder-flow.cases.ts';
import {
  type ForwarderTraits,
  fieldsOf,
  forwarderHarness,
  headOf,
  ok,
  type StartForwarder,
} from './forwarder-harness.ts';
import { messageCases } from './forwarder-message.cases.ts';

/** What every forwarder must do, told on the wire. */
export function forwarderCases(startForwarder: StartForwarder, traits: ForwarderTraits = { readsAhead: true }): void {
  const harness = forwarderHarness(startForwarder, traits);
  const { it, between, inFrontOf, httpUpstream, cleanups, readsAhead } = harness;
  messageCases(harness);
  flowCases(harness);

  describe('framing of requests', () => {
    it.each(['GET', 'DELETE', 'OPTIONS', 'POST'])(
      'frames a %s body by the length that was received',
      async (method) => {
        const { upstream, client } = await between(answering(ok));
        client.send(`${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`);
        await client.until(/ok$/);
        const { received } = upstream.connections[0]!;
        expect(fieldsOf(received, 'content-length')).toEqual(['5']);
        expect(fieldsOf(received, 'transfer-encoding')).toEqual([]);
        expect(received.endsWith('\r\n\r\nhello')).toBe(true);
      },
    );

    it.each(['GET', 'DELETE', 'POST'])('keeps a chunked %s body chunked, never unframed', async (method) => {
      const { upstream, client } = await between(answering(ok));
      client.send(`${method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`);
      await client.until(/ok$/);
      const { received } = upstream.connections[0]!;
      expect(fieldsOf(received, 'transfer-encoding')).toEqual(['chunked']);
      await upstream.connections[0]!.until(/5\r\nhello\r\n0\r\n\r\n$/);
    });

    it('says a length of 0 for a POST without a body', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send('POST / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/ok$/);
      expect(fieldsOf(upstream.connections[0]!.received, 'content-length')).toEqual(['0']);
    });

    it('passes trailers of a chunked request on', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 42\r\n\r\n');
      await upstream.connection(0);
      await upstream.connections[0]!.until(/0\r\nX-Sum: 42\r\n\r\n$/);
    });

    it('serves pipelined requests in their order', async () => {
      const { client } = await between(async (wire) => {
        let seen = 0;
        wire.socket.on('data', () => {
          const paths = [...wire.received.matchAll(/GET (\S+) HTTP/g)].map((match) => match[1]!);
          for (; seen < paths.length; seen += 1)
            wire.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${paths[seen]}`);
        });
      });
      client.send(
        'GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n',
      );
      const received = await client.until(/\/c$/);
      expect([...received.matchAll(/\r\n\r\n(\/[abc])/g)].map((match) => match[1])).toEqual(['/a', '/b', '/c']);
    });
  });

  describe('requests that come before the last is answered', () => {
    const slow = 'POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx';
    const waiting = (upstream: { connections: readonly Wire[] }) =>
      eventually(() => upstream.connections.find((wire) => /slow[\s\S]*x$/.test(wire.received)));

    it('do not overtake it, and a client cannot have many at once', async () => {
      const others = answering(ok);
      let connections = 0;
      const { upstream, client } = await between((wire) => {
        connections += 1;
        if (connections > 1) return others(wire);
      });
      client.send(slow + Array.from({ length: 500 }, (_, n) => `GET /${n} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
      const wire = await waiting(upstream);
      expect(connections).toBe(1);
      wire.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
      await eventually(() => client.received.split('200 OK').length === 502);
      expect(connections).toBeLessThan(5);
    });

    it('are answered after it where they are rubbish', async () => {
      const { upstream, client } = await between(() => {});
      client.send(`${slow}rubbish\r\n\r\n`);
      const wire = await waiting(upstream);
      wire.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no');
      await client.until(/\r\n\r\no$/);
      wire.send('k');
      expect(await client.until(/400 /)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\nokHTTP\/1\.1 400/);
    });

    const upgrade = 'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    it.each([
      ...(readsAhead ? [['an upgrade', slow, upgrade] as const] : []),
      [
        'an upgrade behind an expectation nobody knows',
        'GET / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n',
        upgrade,
      ],
      ['CONNECT', slow, 'CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ] as const)('cut the connection, and nothing else, where they are %s', async (_, first, second) => {
      const { upstream, forwarder, client } = await between(answering(ok));
      client.send(first + second);
      await client.end();
      expect(client.received).not.toContain('101');
      expect(upstream.connections.map((wire) => wire.received).join()).not.toContain('/ws');
      const next = await connect(forwarder.port);
      next.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(await next.end()).toMatch(/ok$/);
    });

    const malformedBody = 'POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nrubbish\r\n';
    if (readsAhead)
      it('cut the connection when the body of one of them is malformed', async () => {
        const { upstream, client } = await between(() => {});
        client.send(slow + malformedBody);
        await client.end();
        expect(client.received).toBe('');
        expect(upstream.connections.map((wire) => wire.received).join()).not.toContain('/b');
      });

    if (!readsAhead)
      it('are refused after it when the body of one of them is malformed', async () => {
        const { upstream, client } = await between(() => {});
        client.send(slow + malformedBody);
        (await waiting(upstream)).send(ok);
        expect(await client.end()).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\nokHTTP\/1\.1 400/);
      });

    if (!readsAhead)
      it('are served after it where they are an upgrade', async () => {
        const { upstream, client } = await between(() => {});
        client.send(slow + upgrade);
        (await waiting(upstream)).send(ok);
        await client.until(/ok$/);
        const second = await eventually(() => upstream.connections.find((wire) => wire.received.includes('/ws')));
        second.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst');
        await client.until(/ok[\s\S]*101 [\s\S]*first$/);
      });
  });

  describe('smuggling', () => {
    const attempts: readonly [string, string][] = [
      [
        'both a length and chunked',
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n',
      ],
      [
        'two lengths',
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 30\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n',
      ],
      ['a length with a sign', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello'],
      ['a length in hexadecimal', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello'],
      [
        'chunked that is not last',
        'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n',
      ],
      [
        'a coding below chunked',
        'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n',
      ],
      [
        'chunked spelt with a tab in its name',
        'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n',
      ],
      ['a space before the colon', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello'],
      ['a folded header line', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n Transfer-Encoding: chunked\r\n\r\n'],
      ['a bare line feed in a header', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\nX-B: c\r\n\r\n'],
      ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n'],
      [
        'a chunk size with a sign',
        'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n',
      ],
      [
        'a chunk size that overflows',
        'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n',
      ],
      [
        'chunked in HTTP/1.0',
        'POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n',
      ],
      ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
      ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
      ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
      ['an HTTP version that is none', 'GET / HTTP/9.9\r\nHost: a\r\n\r\n'],
      [
        'a body on an upgrade',
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 30\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n',
      ],
    ];

    it.each(attempts)('refuses %s and sends no second request anywhere', async (_, bytes) => {
      const { upstream, client } = await between(answering(ok));
      client.send(bytes);
      const received = await client.until(/^HTTP\/1\.1 [45]\d\d [\s\S]*\r\n\r\n\{.*\}/);
      expect(received).toMatch(/^HTTP\/1\.1 (400|501) [\s\S]*application\/problem\+json/);
      expect(upstream.connections.map((wire) => wire.received).join()).not.toContain('/evil');
    });

    it('does not let Connection take away what the gateway adds or how the body is framed', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send(
        'POST / HTTP/1.1\r\nHost: a\r\nConnection: x-forwarded-for, content-length, x-drop\r\nX-Drop: 1\r\nContent-Length: 2\r\n\r\nhi',
      );
      await client.until(/ok$/);
      const { received } = upstream.connections[0]!;
      expect(fieldsOf(received, 'x-forwarded-for')).toEqual(['127.0.0.1']);
      expect(fieldsOf(received, 'content-length')).toEqual(['2']);
      expect(fieldsOf(received, 'x-drop')).toEqual([]);
    });

    it('drops names with an underscore, which PHP reads as the same with a hyphen', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send('GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 6.6.6.6\r\nTransfer_Encoding: chunked\r\n\r\n');
      await client.until(/ok$/);
      expect(upstream.connections[0]!.received.toLowerCase()).not.toMatch(/6\.6\.6\.6|transfer_encoding/);
    });

    it('overwrites forwarding fields and takes away those of the contract, whatever their spelling', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send(
        'GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 6.6.6.6\r\nx-FORWARDED-host: evil\r\nX-Forwarded-Proto: https\r\nForwarded: for=6.6.6.6\r\n' +
          'X-Real-IP: 6.6.6.6\r\nX-Original-URL: /admin\r\nStrangler-User: v1.root.x\r\nstrangler-dry-run: 1\r\nX-Request-Id: evil\r\n\r\n',
      );
      await client.until(/ok$/);
      const { received } = upstream.connections[0]!;
      expect(received.toLowerCase()).not.toMatch(/6\.6\.6\.6|evil|\/admin|strangler-(user|dry-run)/);
      expect(fieldsOf(received, 'x-forwarded-host')).toEqual(['shop.example']);
      expect(fieldsOf(received, 'x-forwarded-proto')).toEqual(['http']);
    });

    it('believes forwarding fields of a trusted proxy and adds to them', async () => {
      const { upstream, client } = await between(answering(ok), { trustedProxies: ['127.0.0.0/8'] });
      client.send(
        'GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Host: shop.example\r\nX-Forwarded-Proto: https\r\nX-Request-Id: r-1\r\n\r\n',
      );
      await client.until(/ok$/);
      const { received } = upstream.connections[0]!;
      expect(fieldsOf(received, 'x-forwarded-for')).toEqual(['9.9.9.9, 127.0.0.1']);
      expect(fieldsOf(received, 'x-forwarded-host')).toEqual(['shop.example']);
      expect(fieldsOf(received, 'x-forwarded-proto')).toEqual(['https']);
      expect(fieldsOf(received, 'x-request-id')).toEqual(['r-1']);
    });

    it('continues Via whoever sent it, so that a loop over another gateway shows', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send('GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 fred\r\nVia: 1.1 other-gateway\r\n\r\n');
      await client.until(/ok$/);
      const [via, ...more] = fieldsOf(upstream.connections[0]!.received, 'via');
      expect(via).toMatch(/^1\.0 fred, 1\.1 other-gateway, 1\.1 strangler-/);
      expect(more).toEqual([]);
    });

    it('says in Via by which protocol the request came', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
      await client.end();
      expect(fieldsOf(upstream.connections[0]!.received, 'via')).toEqual([expect.stringMatching(/^1\.0 strangler-/)]);
    });

    it('notices that an upstream leads back to itself', async () => {
      const origin = await httpUpstream((request, response) => {
        const again = http.request({ port: Number(request.headers['x-port']), headers: request.headers }, (answer) => {
          response.writeHead(answer.statusCode!);
          answer.pipe(response);
        });
        again.end();
      });
      const { forwarder, client } = await inFrontOf(origin);
      client.send(`GET / HTTP/1.1\r\nHost: a\r\nX-Port: ${forwarder.port}\r\n\r\n`);
      await client.until(/^HTTP\/1\.1 508/);
    });
  });

  describe('header fields', () => {
    it('keeps order, case and duplicates of a request, and its target byte for byte', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send(
        'GET /a%2Fb/../c//d;x?q=%zz&a=1 HTTP/1.1\r\nHost: a\r\nX-B: 2\r\nx-a: 1\r\nX-B: 3\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n',
      );
      await client.until(/ok$/);
      const lines = headOf(upstream.connections[0]!.received).split('\r\n');
      expect(lines[0]).toBe('GET /a%2Fb/../c//d;x?q=%zz&a=1 HTTP/1.1');
      expect(lines.filter((line) => /^(x-[ab]|cookie)/i.test(line))).toEqual([
        'X-B: 2',
        'x-a: 1',
        'X-B: 3',
        'Cookie: a=1',
        'Cookie: b=2',
      ]);
    });

    it('keeps order, case and duplicates of an answer, and two cookies of one name apart', async () => {
      const answer =
        'HTTP/1.1 299 Fine, Thanks\r\nX-B: 2\r\nSet-Cookie: last_seen=1; Path=/shipments\r\nx-a: 1\r\nSET-COOKIE: last_seen=2; Path=/customers\r\nX-B: 3\r\nContent-Length: 0\r\n\r\n';
      const { client } = await between(answering(answer));
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const lines = headOf(await client.until(/\r\n\r\n/)).split('\r\n');
      expect(lines[0]).toBe('HTTP/1.1 299 Fine, Thanks');
      expect(lines.slice(1, 6)).toEqual([
        'X-B: 2',
        'Set-Cookie: last_seen=1; Path=/shipments',
        'x-a: 1',
        'SET-COOKIE: last_seen=2; Path=/customers',
        'X-B: 3',
      ]);
    });

    it('passes bytes above ASCII in fields on as they are', async () => {
      const { upstream, client } = await between(
        answering('HTTP/1.1 200 OK\r\nX-Name: J\xfcrgen\r\nContent-Length: 0\r\n\r\n'),
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\nX-City: K\xf6ln\r\n\r\n');
      expect(await client.until(/\r\n\r\n/)).toContain('X-Name: J\xfcrgen');
      expect(upstream.connections[0]!.received).toContain('X-City: K\xf6ln');
    });

    it('drops hop-by-hop fields of an answer with those that Connection names', async () => {
      const { client } = await between(
        answering(
          'HTTP/1.1 200 OK\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\nProxy-Connection: x\r\nContent-Length: 2\r\n\r\nok',
        ),
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const received = await client.until(/ok$/);
      expect(fieldsOf(received, 'x-hop')).toEqual([]);
      expect(fieldsOf(received, 'proxy-connection')).toEqual([]);
      expect(fieldsOf(received, 'keep-alive').join()).not.toContain('timeout=1,');
    });

    it.each([
      ['preserve', 'shop.example:8080'],
      ['rewrite', undefined],
    ] as const)('gives the upstream its Host by %s', async (host, expected) => {
      const { upstream, client } = await between(answering(ok), { host });
      client.send('GET / HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n');
      await client.until(/ok$/);
      expect(fieldsOf(upstream.connections[0]!.received, 'host')).toEqual([expected ?? `127.0.0.1:${upstream.port}`]);
    });

    it.each(['UPSTREAM', 'shop.example:UPSTREAMPORT'])(
      'turns a Location that names %s into the public name',
      async (authority) => {
        const { client } = await between(async (wire) => {
          await wire.until(/\r\n\r\n/);
          const port = wire.socket.localPort!;
          const named = authority.replace('UPSTREAMPORT', String(port)).replace('UPSTREAM', `127.0.0.1:${port}`);
          wire.send(`HTTP/1.1 302 Found\r\nLocation: http://${named}/shipments/7?a=b\r\nContent-Length: 0\r\n\r\n`);
        });
        client.send('POST /shipments HTTP/1.1\r\nHost: shop.example\r\n\r\n');
        expect(fieldsOf(await client.until(/\r\n\r\n/), 'location')).toEqual(['http://shop.example/shipments/7?a=b']);
      },
    );

    it('leaves a Location of another site alone', async () => {
      const { client } = await between(
        answering('HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/x\r\nContent-Length: 0\r\n\r\n'),
      );
      client.send('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n');
      expect(fieldsOf(await client.until(/\r\n\r\n/), 'location')).toEqual(['http://elsewhere.example/x']);
    });

    it('takes an absolute target as its host and path', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send('GET http://shop.example/x?y HTTP/1.1\r\nHost: other\r\n\r\n');
      await client.until(/ok$/);
      expect(upstream.connections[0]!.received).toMatch(/^GET \/x\?y HTTP\/1\.1\r\nHost: shop\.example\r\n/);
    });

    it('continues the trace of the request, without the sampling that an untrusted client asks for', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send(
        'GET / HTTP/1.1\r\nHost: a\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n',
      );
      await client.until(/ok$/);
      const sent = fieldsOf(upstream.connections[0]!.received, 'traceparent');
      expect(sent).toHaveLength(1);
      expect(sent[0]).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-00$/);
    });
  });

  describe('framing of answers', () => {
    it('passes a chunked answer on chunked, with its trailers', async () => {
      const { client } = await between(
        answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n'),
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const received = await client.until(/X-Sum: 7\r\n\r\n$/);
      expect(fieldsOf(received, 'transfer-encoding')).toEqual(['chunked']);
      expect(received).toContain('3\r\nabc\r\n0\r\n');
    });

    it('chunks an answer that ends with its connection', async () => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.socket.end('HTTP/1.1 200 OK\r\n\r\nuntil close');
      });
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.until(/0\r\n\r\n$/)).toContain('until close');
    });

    it('serves an HTTP/1.0 client without chunks and closes', async () => {
      const { client } = await between(
        answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'),
      );
      client.send('GET / HTTP/1.0\r\n\r\n');
      const received = await client.end();
      expect(fieldsOf(received, 'transfer-encoding')).toEqual([]);
      expect(received.endsWith('\r\n\r\nabc')).toBe(true);
    });

    it.each([
      ['HEAD with a length', 'HEAD', '200 OK\r\nContent-Length: 1234', ['1234']],
      ['HEAD of a chunked answer', 'HEAD', '200 OK\r\nTransfer-Encoding: chunked', []],
      ['204', 'GET', '204 No Content', []],
      ['304 with a length', 'GET', '304 Not Modified\r\nContent-Length: 1234\r\nETag: "x"', ['1234']],
    ])('sends no body for %s and keeps the connection usable', async (_, method, head, lengths) => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(`HTTP/1.1 ${head}\r\n\r\n`);
        await wire.until(/second/);
        wire.send(ok);
      });
      client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      const first = await client.until(/\r\n\r\n$/);
      expect(fieldsOf(first, 'content-length')).toEqual(lengths);
      expect(fieldsOf(first, 'transfer-encoding')).toEqual([]);
      client.send('GET /second HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/\r\n\r\nHTTP\/1\.1 200 OK[\s\S]*ok$/);
    });

    it('passes events on as they come, unbuffered', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
        wire.send('9\r\ndata: 1\n\n\r\n');
      });
      client.send('GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n');
      await client.until(/data: 1\n\n/);
      upstream.connections[0]!.send('9\r\ndata: 2\n\n\r\n');
      await client.until(/data: 2\n\n/);
    });

    it('passes ranges on', async () => {
      const { upstream, client } = await between(
        answering('HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab'),
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n');
      expect(await client.until(/ab$/)).toContain('Content-Range: bytes 0-1/9');
      expect(fieldsOf(upstream.connections[0]!.received, 'range')).toEqual(['bytes=0-1']);
    });
  });

  describe('interim answers', () => {
    it('says 100 only when the upstream has said it, and then takes the body', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send('HTTP/1.1 100 Continue\r\n\r\n');
        await wire.until(/hello$/);
        wire.send(ok);
      });
      client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
      await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
      client.send('hello');
      await client.until(/ok$/);
      expect(fieldsOf(upstream.connections[0]!.received, 'expect')).toEqual(['100-continue']);
    });

    it('passes a refusal instead of 100 on and closes, because the body may or may not follow', async () => {
      const { client } = await between(answering('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n'));
      client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
      const received = await client.end();
      expect(received).toMatch(/^HTTP\/1\.1 417 /);
      expect(fieldsOf(received, 'connection')).toEqual(['close']);
    });

    it('says no 100 to an HTTP/1.0 client, which knows none', async () => {
      const { client } = await between(answering(`HTTP/1.1 100 Continue\r\n\r\n${ok}`));
      client.send('POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello');
      expect(await client.end()).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*ok$/);
    });

    it('passes early hints on', async () => {
      const { client } = await between(
        answering(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n${ok}`),
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.until(/ok$/)).toMatch(
        /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK/,
      );
    });
  });

  describe('upgrades', () => {
    const upgrade =
      'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n';
    const switched =
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n';

    it('joins both ends byte for byte after the upstream has agreed, and not before', async () => {
      const { upstream, client } = await between(() => {});
      client.send(upgrade);
      const wire = await upstream.connection(0);
      await wire.until(/\r\n\r\n$/);
      expect(fieldsOf(wire.received, 'upgrade')).toEqual(['websocket']);
      expect(client.received).toBe('');
      wire.send(`${switched}first`);
      expect(await client.until(/first$/)).toContain('Sec-WebSocket-Accept: y');
      client.send('\x81!hi');
      await wire.until(/\x81!hi$/);
      wire.send('\x81!yo');
      await client.until(/\x81!yo$/);
    });

    it.each(['client', 'upstream'] as const)('closes both ends when the %s is gone', async (who) => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(switched);
      });
      client.send(upgrade);
      await client.until(/\r\n\r\n/);
      const [gone, left] = who === 'client' ? [client, upstream.connections[0]!] : [upstream.connections[0]!, client];
      gone.socket.resetAndDestroy();
      await left.closed;
    });

    it('passes the answer on when the upstream does not agree', async () => {
      const { client } = await between(answering('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'));
      client.send(upgrade);
      const received = await client.end();
      expect(received).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
      expect(received.endsWith('\r\n\r\nno')).toBe(true);
    });

    it('answers a wish for h2c in HTTP/1.1', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send(
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
      );
      expect(await client.end()).toMatch(/^HTTP\/1\.1 200 OK/);
      expect(upstream.connections[0]!.received.toLowerCase()).not.toMatch(/h2c|http2-settings/);
    });

    it('answers a wish for h2c whole, however long the answer, as curl and Java send it with any request', async () => {
      const body = 'x'.repeat(3_000_000);
      const { client } = await between(answering(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
      client.send(
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n',
      );
      expect((await client.end()).length).toBeGreaterThan(body.length);
    });

    it('answers 503 when nobody is there to upgrade with', async () => {
      const { client } = await inFrontOf('http://127.0.0.1:9');
      client.send(upgrade);
      expect(await client.end()).toMatch(/^HTTP\/1\.1 503 /);
    });

    it('opens no tunnel on CONNECT', async () => {
      const { client } = await between(answering(ok));
      client.send('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n');
      expect(await client.end()).toMatch(/^HTTP\/1\.1 405 /);
    });
  });

  describe('ends that break off', () => {
    it('cuts the upstream at once when the client leaves while it waits', async () => {
      const { upstream, client } = await between(() => {});
      client.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
      const wire = await upstream.connection(0);
      await wire.until(/slow/);
      client.socket.destroy();
      await wire.closed;
    });

    it('cuts the upstream at once when the client leaves in the middle of its upload', async () => {
      const { upstream, client } = await between(() => {});
      client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf');
      const wire = await upstream.connection(0);
      await wire.until(/half$/);
      client.socket.destroy();
      await wire.closed;
    });

    it('cuts the upstream at once when the client leaves in the middle of the answer', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      });
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/half$/);
      client.socket.destroy();
      await upstream.connections[0]!.closed;
    });

    it.each([
      ['of known length', 'Content-Length: 100\r\n\r\nhalf'],
      ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ])('shows the client that an answer %s broke off', async (_, rest) => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(`HTTP/1.1 200 OK\r\n${rest}`);
        setTimeout(() => wire.socket.destroy(), 20);
      });
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const received = await client.end();
      expect(received).toContain('half');
      expect(received).not.toMatch(/0\r\n\r\n$/);
    });

    it('answers 502 when the upstream closes without an answer, and does not send a POST twice', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/hello$/);
        wire.socket.destroy();
      });
      client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
      expect(await client.until(/\r\n\r\n\{.*\}/)).toMatch(
        /^HTTP\/1\.1 502 [\s\S]*application\/problem\+json[\s\S]*"code":"upstream-broke-off"/,
      );
      expect(upstream.connections).toHaveLength(1);
    });

    it('sends a GET once more when the kept connection turns out to be closed', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(ok);
        await wire.until(/second/);
        if (upstream.connections[0] === wire) wire.socket.destroy();
        else wire.send(ok);
      });
      client.send('GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/ok$/);
      client.send('GET /second HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/ok[\s\S]+ok$/);
      expect(upstream.connections).toHaveLength(2);
    });

    it('does not send a GET twice on a fresh connection', async () => {
      const { upstream, client } = await between((wire) => wire.until(/\r\n\r\n/).then(() => wire.socket.destroy()));
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/^HTTP\/1\.1 502/);
      expect(upstream.connections).toHaveLength(1);
    });

    it('passes an answer on that comes before the upload has ended, and never uses that connection again', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(upstream.connections.length === 1 ? 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig' : ok);
      });
      client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbeginning');
      await client.until(/^HTTP\/1\.1 413 [\s\S]*big$/);
      await upstream.connections[0]!.closed;
      client.send('x'.repeat(1_000_000 - 'beginning'.length));
      client.send('GET /next HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/big[\s\S]*200 OK[\s\S]*ok$/);
      expect(upstream.connections).toHaveLength(2);
    });
  });

  describe('upstreams that misbehave', () => {
    const rubbish: readonly [string, string][] = [
      ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n'],
      ['random bytes', randomBytes(2_000).toString('latin1')],
      ['a control character in its reason', 'HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n'],
      ['a status that is none', 'HTTP/1.1 abc OK\r\n\r\n'],
      [
        'both a length and chunked',
        'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      ],
      ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
      ['a header with a NUL', 'HTTP/1.1 200 OK\r\nX-A: b\0\r\nContent-Length: 0\r\n\r\n'],
      ['a head without end', `HTTP/1.1 200 OK\r\n${'X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(5_000)}`],
      [
        'a switch of protocols nobody asked for',
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      ],
      ['a switch to no protocol', 'HTTP/1.1 101 Switching Protocols\r\nContent-Length: 0\r\n\r\n'],
    ];

    it.each(rubbish)('answers 502 to %s and goes on', async (_, bytes) => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(/second/.test(wire.received) ? ok : bytes);
      });
      client.send('GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/^HTTP\/1\.1 502 [\s\S]*"code":"upstream-bad-answer"/);
      client.send('GET /second HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/200 OK[\s\S]*ok$/);
    });

    it('answers 503 when nobody listens', async () => {
      const { client } = await inFrontOf('http://127.0.0.1:9');
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/^HTTP\/1\.1 503 [\s\S]*"code":"upstream-unreachable"/);
    });

    it('answers 504 when the upstream accepts and stays silent', async () => {
      const { upstream, client } = await between(() => {}, { responseTimeoutMs: 60 });
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/^HTTP\/1\.1 504 [\s\S]*"code":"upstream-response-timeout"/);
      await upstream.connections[0]!.closed;
    });

    it('answers 408 when the client stops in the middle of its upload', async () => {
      const { client } = await between(() => {}, { responseTimeoutMs: 60 });
      client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf');
      expect(await client.end()).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"client-stalled"/);
    });

    it('takes a head of 2,500 fields whole', async () => {
      const many = Array.from({ length: 2_500 }, (_, index) => `X-${index}: y`).join('\r\n');
      const { client } = await between(answering(`HTTP/1.1 200 OK\r\n${many}\r\nContent-Length: 0\r\n\r\n`));
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.until(/\r\n\r\n/)).toContain('X-2499: y');
    });

    it('refuses a head of more than 64 KiB with 431', async () => {
      const { client } = await between(answering(ok));
      client.send(`GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'a'.repeat(70_000)}\r\n\r\n`);
      await client.until(/^HTTP\/1\.1 431 /);
    });
  });

  describe('random bytes', () => {
    const seeds = [
      'GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n',
      'PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nhello',
      'GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ];
    const answers = [
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\nhello',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes',
    ];
    const mutation = fc.record({
      at: fc.nat(200),
      length: fc.nat(4),
      insert: fc.oneof(
        fc.constantFrom('\r', '\n', '\r\n', '\r\n\r\n', ' ', ':', '\0', '0', ',', 'chunked', '\xff'),
        fc.string({ maxLength: 5 }),
      ),
    });
    const mutated = (texts: readonly string[]) =>
      fc
        .tuple(fc.constantFrom(...texts), fc.array(mutation, { maxLength: 4 }))
        .map(([text, mutations]) =>
          mutations.reduce(
            (whole, { at, length, insert }) =>
              whole.slice(0, at % whole.length) + insert + whole.slice((at % whole.length) + length),
            text,
          ),
        );

    it('from both ends never bring it down, and every connection comes to its end', async () => {
      let answer = ok;
      const upstream = await rawServer(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.socket.end(answer, 'latin1');
      });
      cleanups.push(upstream.stop);
      const { forwarder, client } = await inFrontOf(upstream.origin, { responseTimeoutMs: 100 });
      await fc.assert(
        fc.asyncProperty(mutated(seeds), mutated(answers), async (request, bytes) => {
          answer = bytes;
          const wire = await connect(forwarder.port);
          wire.send(request);
          await Promise.race([wire.closed, new Promise((resolve) => setTimeout(resolve, 20))]);
          wire.socket.end();
          await wire.closed;
        }),
        { numRuns: 300 },
      );
      answer = ok;
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/ok$/);
    });
  });

  describe('large bodies', () => {
    const size = 50 * 1024 * 1024;
    const block = randomBytes(64 * 1024);
    const blocks = () =>
      Readable.from(
        (function* () {
          for (let sent = 0; sent < size; sent += block.length) yield block;
        })(),
      );
    const expected = (() => {
      const hash = createHash('sha256');
      for (let sent = 0; sent < size; sent += block.length) hash.update(block);
      return hash.digest('hex');
    })();

    it('streams 50 MB up and 50 MB down unchanged, at the pace of the slower end', async () => {
      const origin = await httpUpstream(async (request, response) => {
        const hash = createHash('sha256');
        for await (const chunk of request) hash.update(chunk);
        response.writeHead(200, { 'x-received': hash.digest('hex') });
        blocks().pipe(response);
      });
      const { forwarder } = await inFrontOf(origin);
      const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
        const request = http.request(
          { port: forwarder.port, method: 'POST', headers: { 'content-length': size } },
          resolve,
        );
        request.once('error', reject);
        blocks().pipe(request);
      });
      expect(answer.headers['x-received']).toBe(expected);
      const hash = createHash('sha256');
      for await (const chunk of answer) hash.update(chunk);
      expect(hash.digest('hex')).toBe(expected);
    });

    it('stops reading from the client when the upstream does not read', async () => {
      const { upstream, client } = await between(() => {});
      client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
      (await upstream.connection(0)).socket.pause();
      blocks().pipe(client.socket);
      let last = -1;
      await eventually(() => {
        const { bytesWritten } = client.socket;
        const still = client.socket.writableNeedDrain && bytesWritten === last;
        last = bytesWritten;
        return still;
      });
      expect(last).toBeLessThan(size);
    });

    it('stops reading from the upstream when the client does not read', async () => {
      let written = 0;
      const origin = await httpUpstream((_request, response) => {
        const source = blocks();
        source.on('data', (chunk: Buffer) => {
          written += chunk.length;
        });
        source.pipe(response);
      });
      const { client } = await inFrontOf(origin);
      client.socket.pause();
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      let last = -1;
      await eventually(() => {
        const still = written > 0 && written === last;
        last = written;
        return still || undefined;
      });
      expect(written).toBeLessThan(size);
    });
  });
}
