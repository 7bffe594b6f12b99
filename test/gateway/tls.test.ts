import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Side, startSide } from './sides.ts';
import { cutFor, type StartedGateway, startGatewayBefore } from './start-gateway.ts';
import { connect, eventually, Wire } from './wire.ts';

const fixtures = join(import.meta.dirname, '../fixtures/tls');
const file = (name: string) => join(fixtures, name);
const pair = (name: string) => ({ cert: file(`${name}.pem`), key: file(`${name}.key.pem`) });
const ca = await readFile(file('ca.pem'));

let legacy: Side;
let cleanups: (() => Promise<unknown>)[];

beforeEach(async () => {
  legacy = await startSide('legacy');
  cleanups = [legacy.stop];
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function start(listener: object): Promise<StartedGateway> {
  const gateway = await startGatewayBefore(legacy.origin, listener);
  cleanups.push(gateway.stop);
  return gateway;
}

/** A TLS connection that stands; rejects with why it does not. */
async function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', ca, checkServerIdentity: () => undefined, ...options });
  cleanups.push(async () => void socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

const subjectShown = async (port: number, servername?: string): Promise<string> =>
  (await handshake(port, servername === undefined ? {} : { servername })).getPeerCertificate().subject.CN as string;

async function ask(socket: TLSSocket, lines: readonly string[] = []): Promise<string> {
  const wire = new Wire(socket);
  wire.send(['GET / HTTP/1.1', 'Host: shop.test', ...lines, '', ''].join('\r\n'));
  return wire.until(/\r\n\r\n.*}/s);
}

describe('certificates', () => {
  it('are shown by server name: exact before wildcard, the first to everybody else', async () => {
    const { port } = await start({ tls: [pair('default'), pair('shop'), pair('exact')] });
    expect(await subjectShown(port, 'shop.test')).toBe('shop.test');
    expect(await subjectShown(port, 'WWW.Shop.Test')).toBe('shop.test');
    expect(await subjectShown(port, 'exact.shop.test')).toBe('exact.shop.test');
    expect(await subjectShown(port, 'a.b.shop.test')).toBe('default.test');
    expect(await subjectShown(port, 'elsewhere.test')).toBe('default.test');
    expect(await subjectShown(port)).toBe('default.test');
  });

  it('are shown for the hosts that are declared, where some are', async () => {
    const { port } = await start({ tls: [pair('default'), { ...pair('shop'), hosts: ['*.example.test'] }] });
    expect(await subjectShown(port, 'www.example.test')).toBe('shop.test');
    expect(await subjectShown(port, 'shop.test')).toBe('default.test');
  });

  it('that are replaced count from the next handshake on and disturb no connection; broken ones leave the old', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
    cleanups.push(() => rm(folder, { recursive: true }));
    const own = { cert: join(folder, 'c.pem'), key: join(folder, 'k.pem') };
    const put = async (name: string) => {
      await copyFile(pair(name).cert, own.cert);
      await copyFile(pair(name).key, own.key);
    };
    await put('default');
    const gateway = await start({ tls: own });
    const kept = await handshake(gateway.port);
    expect(await ask(kept)).toContain('200 OK');
    await writeFile(own.cert, 'no certificate');
    await gateway.reloadCertificates();
    expect(await subjectShown(gateway.port)).toBe('default.test');
    await put('renewed');
    await eventually(async () => (await subjectShown(gateway.port)) === 'renewed.test');
    expect(await ask(kept)).toContain('200 OK');
  });

  it.each([
    ['a file that is not there', { cert: '/none.pem', key: pair('default').key }, 'cannot read /none.pem (ENOENT)'],
    ['a key in place of the certificate', { ...pair('default'), cert: pair('default').key }, 'no CERTIFICATE in PEM'],
    ['the key of another', { ...pair('default'), key: pair('shop').key }, 'a key that is not the one of'],
    ['no key', { ...pair('default'), key: pair('default').cert }, 'no PRIVATE KEY in PEM'],
  ])('are refused at the start, with the file and what was found: %s', async (_, files, message) => {
    await expect(startGatewayBefore(legacy.origin, { tls: files })).rejects.toThrow(message);
  });
});

describe('a TLS listener', () => {
  it('tells the application https, and serves one connection after the other, request after request', async () => {
    const { port } = await start({ tls: pair('default') });
    const socket = await handshake(port);
    await ask(socket);
    await ask(socket, ['X-Forwarded-Proto: http']);
    expect(legacy.received.map(({ headers }) => headers['x-forwarded-proto'])).toEqual(['https', 'https']);
    expect(legacy.received[0]!.headers['x-forwarded-for']).toBe('127.0.0.1');
  });

  it('speaks TLS 1.2 and 1.3 and nothing older', async () => {
    const { port } = await start({ tls: pair('default') });
    expect((await handshake(port, { maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2');
    expect((await handshake(port)).getProtocol()).toBe('TLSv1.3');
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(handshake(port, old)).rejects.toThrow();
  });

  it('agrees on HTTP/2 or HTTP/1.1, and refuses a client that speaks neither', async () => {
    const { port } = await start({ tls: pair('default') });
    expect((await handshake(port, { ALPNProtocols: ['h2', 'http/1.1'] })).alpnProtocol).toBe('h2');
    expect((await handshake(port, { ALPNProtocols: ['http/1.1'] })).alpnProtocol).toBe('http/1.1');
    expect((await handshake(port)).alpnProtocol).toBe(false);
    await expect(handshake(port, { ALPNProtocols: ['spdy/3'] })).rejects.toThrow(/no application protocol/i);
  });

  it('survives rubbish, plain HTTP and a client that leaves within the handshake; others are served', async () => {
    const gateway = await start({ tls: pair('default') });
    for (const bytes of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\x16\x03\x01\xff\xff\x01', '\0'.repeat(3_000)]) {
      const wire = await connect(gateway.port);
      wire.send(bytes);
      wire.socket.end();
      await wire.closed;
      expect(wire.received).not.toContain('HTTP/1.1');
    }
    await eventually(async () => (await cutFor(gateway, 'tls-handshake')) === 3);
    expect(await ask(await handshake(gateway.port))).toContain('200 OK');
  });

  it('gives up on a handshake that does not come on', async () => {
    const gateway = await start({ tls: pair('default'), limits: { handshake: '100ms' } });
    const wire = await connect(gateway.port);
    await wire.closed;
    expect(await cutFor(gateway, 'tls-handshake')).toBe(1);
  });

  it('shakes hands once a connection, whatever its client asks for', async () => {
    const { port } = await start({ tls: pair('default') });
    const socket = await handshake(port, { maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' });
    const refused = new Promise((resolve) => socket.once('error', resolve));
    socket.renegotiate({}, () => {});
    expect(await refused).toMatchObject({ code: 'ERR_SSL_NO_RENEGOTIATION' });
    expect(await ask(await handshake(port))).toContain('200 OK');
  });

  it('gives its sessions back to clients that come again', async () => {
    const { port } = await start({ tls: pair('default') });
    const first = await handshake(port, { maxVersion: 'TLSv1.2' });
    const again = await handshake(port, { maxVersion: 'TLSv1.2', session: first.getSession()! });
    expect(again.isSessionReused()).toBe(true);
  });

  it('carries an upload and an answer of many megabytes', async () => {
    legacy.answer = (_, response) => response.end(Buffer.alloc(20_000_000, 'd'));
    const { port } = await start({ tls: pair('default') });
    const answered = await new Promise<number>((resolve, reject) => {
      const request = https.request({ port, host: '127.0.0.1', ca, method: 'POST', agent: false }, async (response) => {
        let bytes = 0;
        for await (const chunk of response) bytes += (chunk as Buffer).length;
        resolve(bytes);
      });
      request.once('error', reject);
      request.end(Buffer.alloc(20_000_000, 'u'));
    });
    expect([answered, legacy.received[0]!.body.length]).toEqual([20_000_000, 20_000_000]);
  });
});

describe('client certificates', () => {
  const own = async (name: string) => ({
    cert: await readFile(file(`${name}.pem`)),
    key: await readFile(file(`${name}.key.pem`)),
  });
  const forged = ['Client-Cert: :Zm9yZ2Vk:', 'Client-Cert-Chain: :Zm9yZ2Vk:'];

  it('that are required keep everybody else out', async () => {
    const gateway = await start({ tls: { ...pair('default'), clientCa: file('ca.pem') } });
    for (const given of [{}, await own('stranger')]) {
      const socket = tls.connect({
        port: gateway.port,
        host: '127.0.0.1',
        ca,
        checkServerIdentity: () => undefined,
        ...given,
      });
      const wire = new Wire(socket);
      wire.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await wire.end()).toBe('');
    }
    expect(await ask(await handshake(gateway.port, await own('client')))).toContain('200 OK');
    expect(legacy.received).toHaveLength(1);
  });

  it('are told the application in Client-Cert (RFC 9440), which no client can forge', async () => {
    const { port } = await start({ tls: { ...pair('default'), clientCa: file('ca.pem'), clientCert: 'request' } });
    await ask(await handshake(port, await own('client')), forged);
    await ask(await handshake(port), forged);
    await ask(await handshake(port, await own('stranger')), forged);
    const der = (await own('client')).cert.toString().replace(/-----.*-----|\n/g, '');
    expect(legacy.received.map(({ headers }) => [headers['client-cert'], headers['client-cert-chain']])).toEqual([
      [`:${der}:`, undefined],
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'are those of the resumed session (%s): who gave none, or a false one, has none then either',
    async (maxVersion) => {
      const { port } = await start({ tls: { ...pair('default'), clientCa: file('ca.pem'), clientCert: 'request' } });
      for (const given of [{}, await own('stranger'), await own('client')]) {
        const first = await handshake(port, { maxVersion, ...given });
        const session = once(first, 'session');
        await ask(first);
        const [ticket] = maxVersion === 'TLSv1.3' ? await session : [first.getSession()];
        const again = await handshake(port, { maxVersion, session: ticket as Buffer, ...given });
        expect(again.isSessionReused()).toBe(true);
        await ask(again, forged);
      }
      const said = legacy.received.map(({ headers }) => headers['client-cert']?.slice(0, 3));
      expect(said).toEqual([undefined, undefined, undefined, undefined, ':MI', ':MI']);
    },
  );
});

it('a port that is taken is told by its error, and the certificates are no longer watched', async () => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  cleanups.push(async () => void taken.close());
  const { port } = taken.address() as net.AddressInfo;
  await expect(startGatewayBefore(legacy.origin, { port, tls: pair('default') })).rejects.toThrow('EADDRINUSE');
});
