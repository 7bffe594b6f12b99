import { describe, expect } from 'vitest';
import { answering, eventually } from '../gateway/wire.ts';
import { type ForwarderHarness, fieldsOf, headOf, ok } from './forwarder-harness.ts';

const bodyOf = (text: string) => text.slice(text.indexOf('\r\n\r\n') + 4);
const refusal = /^HTTP\/1\.1 (\d{3}) [\s\S]*\r\n\r\n\{.*\}/;

/** What every forwarder must do with messages, whatever their form: the bytes that each end sees. */
export function messageCases({ it, between }: ForwarderHarness): void {
  describe('answers whose body depends on more than their length', () => {
    it.each([
      ['HEAD with a length of 0', 'HEAD', '200 OK\r\nContent-Length: 0', ['0']],
      ['HEAD without framing', 'HEAD', '200 OK', []],
      ['HEAD of a missing page', 'HEAD', '404 Not Found\r\nContent-Length: 77', ['77']],
      ['204 without a length', 'GET', '204 No Content', []],
      ['204 with a length, which it may not have', 'GET', '204 No Content\r\nContent-Length: 0', []],
      ['304 without a length', 'GET', '304 Not Modified\r\nETag: "x"', []],
      ['304 of a chunked page', 'GET', '304 Not Modified\r\nTransfer-Encoding: chunked', []],
      ['205 with a length of 0', 'GET', '205 Reset Content\r\nContent-Length: 0', ['0']],
    ])('end with the head for %s, and the connection goes on', async (_, method, head, lengths) => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        if (!/second/.test(wire.received)) wire.send(`HTTP/1.1 ${head}\r\n\r\n`);
        await wire.until(/second/);
        wire.send(ok);
      });
      client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      const first = await client.until(/\r\n\r\n$/);
      expect(fieldsOf(first, 'content-length')).toEqual(lengths);
      expect(fieldsOf(first, 'transfer-encoding')).toEqual([]);
      client.send('GET /second HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.until(/ok$/)).toMatch(/\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    });

    it('take no answer to be the body of a HEAD that the upstream sends all the same', async () => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(/HEAD/.test(wire.received) ? 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil' : ok);
      });
      client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/\r\n\r\n$/);
      client.send('GET /second HTTP/1.1\r\nHost: a\r\n\r\n');
      const received = await client.until(/ok$|502/);
      expect(received).not.toContain('evil');
    });

    it('keep the same length said twice as one', async () => {
      const { client } = await between(answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok'));
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(fieldsOf(await client.until(/ok$/), 'content-length')).toEqual(['2']);
    });

    it('are 502 where the same length is said twice', async () => {
      const { client } = await between(
        answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok'),
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/^HTTP\/1\.1 502 [\s\S]*"upstream-bad-answer"/);
    });

    it.each(['gzip, chunked', 'chunked, chunked', 'gzip', 'identity'])(
      'never reach the client as something else than what was said by Transfer-Encoding: %s',
      async (coding) => {
        const { client } = await between(async (wire) => {
          await wire.until(/\r\n\r\n/);
          wire.socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: ${coding}\r\n\r\n2\r\nok\r\n0\r\n\r\n`);
        });
        client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
        const received = await client.end();
        expect(received).toMatch(/^HTTP\/1\.1 502 [\s\S]*"upstream-bad-answer"/);
      },
    );
  });

  describe('chunks', () => {
    it('lose their extensions and nothing else, both ways', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/0\r\n\r\n$/);
        wire.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b;c="d"\r\nabc\r\n0;last\r\n\r\n');
      });
      client.send(
        'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;name=value\r\nhello\r\n0;x\r\n\r\n',
      );
      const received = await client.until(/\r\n0\r\n\r\n$/);
      expect(bodyOf(upstream.connections[0]!.received)).toBe('5\r\nhello\r\n0\r\n\r\n');
      expect(bodyOf(received)).toBe('3\r\nabc\r\n0\r\n\r\n');
    });

    it('may have leading zeros and either case in their sizes', async () => {
      const { upstream, client } = await between(answering(ok));
      const body = 'x'.repeat(10);
      client.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n000A\r\n${body}\r\n0\r\n\r\n`);
      await client.until(/ok$/);
      await upstream.connections[0]!.until(/a\r\nx{10}\r\n0\r\n\r\n$/i);
    });

    it('stay one body when each byte of the message comes by itself', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/0\r\n\r\n$/);
        for (const byte of 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n') {
          wire.send(byte);
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      client.socket.setNoDelay(true);
      for (const byte of 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n') {
        client.send(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const received = await client.until(/0\r\n\r\n$/);
      const text = (message: string) =>
        bodyOf(message)
          .replace(/(?:^|\r\n)[0-9a-f]+\r\n/gi, '')
          .trim();
      expect(text(received)).toBe('ok');
      expect(text(upstream.connections[0]!.received)).toBe('hello');
    });

    const malformed: readonly [string, string][] = [
      ['a size that is no number', 'x\r\nhello\r\n0\r\n\r\n'],
      ['a size with a space before it', ' 5\r\nhello\r\n0\r\n\r\n'],
      ['no CRLF after their bytes', '5\r\nhelloXX0\r\n\r\n'],
      ['a bare line feed after the size', '5\nhello\r\n0\r\n\r\n'],
      ['a size of 0x5', '0x5\r\nhello\r\n0\r\n\r\n'],
      ['a NUL in an extension', '5;a=\0\r\nhello\r\n0\r\n\r\n'],
    ];
    it.each(malformed)('are refused with %s, and the next request is not read', async (_, body) => {
      const { upstream, client } = await between(answering(ok));
      client.send(
        `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}GET /evil HTTP/1.1\r\nHost: a\r\n\r\n`,
      );
      await client.end();
      expect(client.received).not.toMatch(/200 OK[\s\S]*200 OK/);
      expect(upstream.connections.map((wire) => wire.received).join()).not.toContain('/evil');
    });

    it.each(malformed)('of an answer with %s never look complete to the client', async (_, body) => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`, 'latin1');
      });
      client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(await client.end()).not.toMatch(/^HTTP\/1\.1 200[\s\S]*\r\n0\r\n\r\n$/);
    });
  });

  describe('trailers', () => {
    const forbidden = 'Host: evil\r\nSet-Cookie: evil=1\r\nContent-Type: evil\r\n';

    it('of an answer are passed on, but none that would change how the message was read', async () => {
      const { client } = await between(
        answering(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${forbidden}X-Sum: 1\r\n\r\n`),
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const received = await client.until(/X-Sum: 1\r\n\r\n$/);
      expect(received.slice(received.indexOf('\r\n0\r\n'))).toBe('\r\n0\r\nX-Sum: 1\r\n\r\n');
    });

    it('of a request that would change how it is read do not reach the upstream', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send(
        `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${forbidden}X-Forwarded-For: 6.6.6.6\r\nStrangler-User: root\r\n\r\n`,
      );
      await upstream.connection(0);
      await upstream.connections[0]!.until(/\r\n0\r\n[\s\S]*\r\n\r\n$|\r\n0\r\n\r\n$/);
      expect(bodyOf(upstream.connections[0]!.received)).not.toMatch(/evil|6\.6\.6\.6|root|Content-Length/i);
    });

    it.each(['Content-Length: 5', 'Transfer-Encoding: chunked'])(
      'of an answer that frame it again are not passed on: %s',
      async (field) => {
        const { client } = await between(async (wire) => {
          await wire.until(/\r\n\r\n/);
          wire.socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${field}\r\n\r\n`);
        });
        client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
        expect(bodyOf(await client.end())).not.toContain(field);
      },
    );

    it('are not sent to a client that was told a length', async () => {
      const { client } = await between(answering('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 2\r\n\r\nok'));
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(fieldsOf(await client.until(/ok$/), 'trailer')).toEqual([]);
    });
  });

  describe('framing that others read otherwise', () => {
    const evil = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n';
    const attempts: readonly [string, string][] = [
      [
        'the same length twice',
        `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi${evil}`,
      ],
      ['lengths in one list', `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\nhi${evil}`],
      ['an empty length', `POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n${evil}`],
      ['a negative length', `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n${evil}`],
      ['a length beyond 2^64', `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551618\r\n\r\nhi${evil}`],
      ['a length with a space in it', `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 2\r\n\r\nhi${evil}`],
      ['chunked twice', `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n${evil}`],
      [
        'chunked in two fields',
        `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${evil}`,
      ],
      [
        'chunked and identity in two fields',
        `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${evil}`,
      ],
      ['a tab after chunked', `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n${evil}`],
      ['an unknown coding', `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${evil}`],
      ['chunked in quotes', `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n${evil}`],
      [
        'chunked after a vertical tab',
        `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${evil}`,
      ],
      [
        'a coding folded onto its own line',
        `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${evil}`,
      ],
      ['a line that is only a space', `GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n${evil}`],
      ['a field without a name', `GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n${evil}`],
      ['a field without a colon', `GET / HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n${evil}`],
      ['a bare carriage return in a field', `GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rContent-Length: 30\r\n\r\n${evil}`],
      ['lines that end with a bare line feed', `POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n${evil}`],
      ['a head that ends with a bare line feed', `GET / HTTP/1.1\r\nHost: a\r\n\n${evil}`],
      ['a NUL in the name of a field', `GET / HTTP/1.1\r\nHost: a\r\nX\0A: b\r\n\r\n${evil}`],
      ['a NUL in the target', `GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n${evil}`],
      ['a version without a number', `GET / HTTP/\r\nHost: a\r\n\r\n${evil}`],
      ['HTTP/0.9', `GET /\r\n\r\n${evil}`],
      ['a method that is none', `G@T / HTTP/1.1\r\nHost: a\r\n\r\n${evil}`],
      ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ];
    it.each(attempts)('is refused once for %s, and nothing behind it is read', async (_, bytes) => {
      const { upstream, client } = await between(answering(ok));
      client.send(bytes);
      const received = await client.end();
      const [, status] = refusal.exec(received) ?? [];
      expect(['400', '501', '505']).toContain(status);
      expect(received.match(/HTTP\/1\.1 \d{3} /g)).toHaveLength(1);
      expect(upstream.connections.map((wire) => wire.received).join()).not.toContain('/evil');
    });

    it.each([
      ['in any case', 'CHUNKED'],
      ['with blanks around it', '  chunked  '],
    ])('is not: chunked %s', async (_, coding) => {
      const { upstream, client } = await between(answering(ok));
      client.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:${coding}\r\n\r\n2\r\nhi\r\n0\r\n\r\n`);
      await client.until(/ok$/);
      expect(fieldsOf(upstream.connections[0]!.received, 'transfer-encoding')).toEqual(['chunked']);
      await upstream.connections[0]!.until(/2\r\nhi\r\n0\r\n\r\n$/);
    });

    it('refuses a length in HTTP/1.0 with a coding, and takes one without', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send('POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
      expect(await client.end()).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*ok$/);
      expect(bodyOf(upstream.connections[0]!.received)).toBe('hi');
    });

    it('of a request line that is too long is refused with 431', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send(`GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(await client.until(refusal)).toMatch(/^HTTP\/1\.1 431 [\s\S]*"headers-too-large"/);
      expect(upstream.connections).toHaveLength(0);
    });
  });

  describe('request targets', () => {
    it('are passed on as an asterisk for OPTIONS *', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/ok$/);
      expect(upstream.connections[0]!.received).toMatch(/^OPTIONS \* HTTP\/1\.1\r\n/);
    });

    it.each([
      ['an asterisk for another method than OPTIONS', 'GET * HTTP/1.1'],
      ['the form of CONNECT for another method', 'GET shop.example:80 HTTP/1.1'],
      ['a scheme that is not http', 'GET ftp://shop.example/x HTTP/1.1'],
      ['a user before the host', 'GET http://evil@shop.example/x HTTP/1.1'],
      ['a path without a slash', 'GET x HTTP/1.1'],
    ])('are refused with 400 as %s', async (_, line) => {
      const { upstream, client } = await between(answering(ok));
      client.send(`${line}\r\nHost: a\r\n\r\n`);
      await client.until(/^HTTP\/1\.1 400 /);
      expect(upstream.connections).toHaveLength(0);
    });

    it('in absolute form lose scheme and host, which win over Host', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send('GET http://shop.example:81?q HTTP/1.1\r\nHost: other\r\n\r\n');
      await client.until(/ok$/);
      const { received } = upstream.connections[0]!;
      expect(received).toMatch(/^GET \/\?q HTTP\/1\.1\r\n/);
      expect(fieldsOf(received, 'host')).toEqual(['shop.example:81']);
    });

    it('may hold bytes above ASCII', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send('GET /K\xc3\xb6ln HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/ok$|400/);
      if (client.received.startsWith('HTTP/1.1 200')) {
        expect(upstream.connections[0]!.received).toMatch(/^GET \/K\xc3\xb6ln HTTP/);
      } else expect(upstream.connections).toHaveLength(0);
    });
  });

  describe('fields about the client', () => {
    it('refuse names with an underscore where that is declared', async () => {
      const { upstream, client } = await between(answering(ok), { target: { headers: { underscores: 'refuse' } } });
      client.send('GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 6.6.6.6\r\n\r\n');
      expect(await client.until(refusal)).toMatch(/^HTTP\/1\.1 400 [\s\S]*"ambiguous-field"/);
      expect(upstream.connections).toHaveLength(0);
    });

    it('are said by Forwarded where that is declared', async () => {
      const { upstream, client } = await between(answering(ok), { target: { headers: { forwarded: 'rfc7239' } } });
      client.send(
        'GET / HTTP/1.1\r\nHost: shop.example:81\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n',
      );
      await client.until(/ok$/);
      const { received } = upstream.connections[0]!;
      expect(fieldsOf(received, 'forwarded')).toEqual(['for=127.0.0.1;host="shop.example:81";proto=http']);
      expect(received.toLowerCase()).not.toMatch(/x-forwarded|6\.6\.6\.6/);
    });

    it('are added to the Forwarded of a trusted peer, beside X-Forwarded-* where both are declared', async () => {
      const { upstream, client } = await between(answering(ok), {
        target: { headers: { forwarded: 'both' } },
        trustedProxies: ['127.0.0.0/8'],
      });
      client.send(
        'GET / HTTP/1.1\r\nHost: a\r\nForwarded: for="[2001:db8::1]";proto=https\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n',
      );
      await client.until(/ok$/);
      const { received } = upstream.connections[0]!;
      expect(fieldsOf(received, 'forwarded')).toEqual([
        'for="[2001:db8::1]";proto=https, for=127.0.0.1;host=a;proto=http',
      ]);
      expect(fieldsOf(received, 'x-forwarded-for')).toEqual(['9.9.9.9, 127.0.0.1']);
    });
  });

  describe('fields of a request', () => {
    const sent = 'X-B: 2\r\nx-a: 1\r\nX-Empty:\r\nAccept: */*\r\nCookie: a=1; b="2"\r\n';

    it('keep their order and case', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send(`GET /plain HTTP/1.1\r\nHost: shop.example\r\n${sent}\r\n`);
      await client.until(/ok$/);
      const lines = headOf(upstream.connections[0]!.received).split('\r\n');
      expect(lines[1]).toBe('Host: shop.example');
      expect(lines.slice(2, 7).map((line) => line.trimEnd())).toEqual(sent.trimEnd().split('\r\n'));
    });

    it('keep their places when a name comes again', async () => {
      const { upstream, client } = await between(answering(ok));
      client.send('GET /plain HTTP/1.1\r\nHost: a\r\nX-B: 2\r\nX-A: 1\r\nX-B: 3\r\n\r\n');
      await client.until(/ok$/);
      expect(upstream.connections[0]!.received).toContain('X-B: 2\r\nX-A: 1\r\nX-B: 3\r\n');
    });
  });

  describe('interim answers', () => {
    it('of 103 are passed on each, before the answer', async () => {
      const hints = (file: string) => `HTTP/1.1 103 Early Hints\r\nLink: <${file}>; rel=preload\r\n\r\n`;
      const { client } = await between(answering(hints('/a.css') + hints('/b.js') + ok));
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.until(/ok$/)).toMatch(
        /^HTTP\/1\.1 103 [\s\S]*a\.css[\s\S]*HTTP\/1\.1 103 [\s\S]*b\.js[\s\S]*200 OK/,
      );
    });

    it('of other kinds are left out', async () => {
      const { client } = await between(
        answering(`HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Odd\r\nX: y\r\n\r\n${ok}`),
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.until(/ok$/)).toMatch(/^HTTP\/1\.1 200 OK/);
    });

    it('of 103 are not kept for a client that does not read', async () => {
      const hints = `HTTP/1.1 103 Early Hints\r\nLink: <${'a'.repeat(10_000)}>; rel=preload\r\n\r\n`;
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        for (let sent = 0; sent < 2_000; sent += 1) {
          if (!wire.socket.write(hints)) await new Promise((resolve) => wire.socket.once('drain', resolve));
        }
        wire.send(ok);
      });
      client.socket.pause();
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const { socket } = await upstream.connection(0);
      await eventually(() => socket.bytesWritten > 2_000 * hints.length && socket.writableLength === 0);
      client.socket.resume();
      await client.until(/ok$/);
      expect(client.received.length).toBeLessThan(1_000 * hints.length);
    });

    it('without end are 502, whatever their number', async () => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        const flood = 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1_000);
        for (let sent = 0; sent < 100 && !wire.socket.destroyed; sent += 1) {
          if (!wire.socket.write(flood)) await new Promise((resolve) => wire.socket.once('drain', resolve));
        }
        wire.socket.end();
      });
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/^HTTP\/1\.1 502 /);
    });
  });

  describe('heads of answers', () => {
    const malformed: readonly [string, string][] = [
      ['a folded line', 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n'],
      ['a space before a colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
      ['lines that end with a bare line feed', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
      ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
      ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n'],
      ['another version', 'HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
      ['the version 2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
      ['the version 0.9', 'HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n'],
      ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
      ['a field of 70,000 bytes', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(70_000)}\r\nContent-Length: 0\r\n\r\n`],
    ];
    it.each(malformed)('are 502 with %s', async (_, bytes) => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(bytes);
      });
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/^HTTP\/1\.1 502 [\s\S]*"upstream-bad-answer"/);
    });

    it('lose the zeros before a length, which some would read as octal', async () => {
      const { client } = await between(answering(ok.replace('Content-Length: 2', 'Content-Length: 002')));
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(fieldsOf(await client.until(/ok$/), 'content-length')).toEqual(['2']);
    });

    it('of HTTP/1.0 end with the connection and are chunked for the client', async () => {
      const { client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.socket.end('HTTP/1.0 200 OK\r\n\r\nold');
      });
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const received = await client.until(/0\r\n\r\n$/);
      expect(received).toMatch(/^HTTP\/1\.1 200 OK/);
      expect(bodyOf(received)).toBe('3\r\nold\r\n0\r\n\r\n');
    });

    it('without a reason are passed on with or without one', async () => {
      const { client } = await between(answering('HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok'));
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.until(/ok$/)).toMatch(/^HTTP\/1\.1 200 (OK)?\r\n/);
    });

    it('behind an answer on the same connection belong to no request', async () => {
      const { upstream, client } = await between(async (wire) => {
        await wire.until(/\r\n\r\n/);
        wire.send(/second/.test(wire.received) ? ok : `${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
      });
      client.send('GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/ok$/);
      await upstream.connections[0]!.closed;
      client.send('GET /second HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.until(/ok[\s\S]+ok$/)).not.toContain('evil');
    });
  });

  describe('conditions and ranges', () => {
    it('pass If-None-Match and the 304 to it, byte for byte', async () => {
      const { upstream, client } = await between(answering('HTTP/1.1 304 Not Modified\r\nETag: W/"a,b"\r\n\r\n'));
      client.send('GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: W/"a,b", "c"\r\n\r\n');
      expect(fieldsOf(await client.until(/\r\n\r\n$/), 'etag')).toEqual(['W/"a,b"']);
      expect(fieldsOf(upstream.connections[0]!.received, 'if-none-match')).toEqual(['W/"a,b", "c"']);
    });

    it('pass several ranges in one answer', async () => {
      const parts =
        '--b\r\nContent-Range: bytes 0-0/9\r\n\r\na\r\n--b\r\nContent-Range: bytes 8-8/9\r\n\r\nz\r\n--b--\r\n';
      const { client } = await between(
        answering(
          `HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=b\r\nContent-Length: ${parts.length}\r\n\r\n${parts}`,
        ),
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-0,8-8\r\nIf-Range: "x"\r\n\r\n');
      expect(bodyOf(await client.until(/--b--\r\n$/))).toBe(parts);
    });

    it('pass 416 with its range', async () => {
      const { client } = await between(
        answering('HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */9\r\nContent-Length: 0\r\n\r\n'),
      );
      client.send('GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=10-\r\n\r\n');
      expect(headOf(await client.until(/\r\n\r\n$/))).toContain('Content-Range: bytes */9');
    });
  });

  describe('requests in one packet', () => {
    it('with bodies are told apart by their framing alone', async () => {
      const { upstream, client } = await between(async (wire) => {
        let seen = 0;
        wire.socket.on('data', () => {
          const whole = [
            ...wire.received.matchAll(/(?:POST|PUT) (\S+) HTTP[\s\S]*?\r\n\r\n(?:hello|2\r\nhi\r\n0\r\n\r\n)/g),
          ];
          for (; seen < whole.length; seen += 1)
            wire.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${whole[seen]![1]}`);
        });
      });
      client.send(
        'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloPUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n' +
          'POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
      );
      const received = await client.until(/\/c$/);
      expect([...received.matchAll(/\r\n\r\n(\/[abc])/g)].map((match) => match[1])).toEqual(['/a', '/b', '/c']);
      expect(upstream.connections.map((wire) => bodyOf(wire.received)).join()).toMatch(/^hello(PUT|,2\r\nhi)/);
    });
  });
}
