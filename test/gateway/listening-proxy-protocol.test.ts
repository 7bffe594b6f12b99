import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import tls from 'node:tls';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readProxyHeader } from '../../gateway/listening/proxy-header.ts';
import { type Side, startSide } from './sides.ts';
import { cutFor, type StartedGateway, startGatewayBefore } from './start-gateway.ts';
import { connect, eventually, Wire } from './wire.ts';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** A header of version 2. */
function binary(command: number, family: number, rest: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rest.length);
  return Buffer.concat([signature, Buffer.from([command, family]), length, rest]);
}

const tcp4 = Buffer.from([203, 0, 113, 7, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb]);
const tcp6 = Buffer.concat([Buffer.from('20010db8000000000000000000000007', 'hex'), Buffer.alloc(16), Buffer.alloc(4)]);
const tlv = Buffer.from([0x04, 0, 3, 1, 2, 3]);
const text = (line: string) => Buffer.from(`${line}\r\n`, 'latin1');

const valid: [string, Buffer, string | undefined][] = [
  ['version 1 over IPv4', text('PROXY TCP4 203.0.113.7 198.51.100.1 56324 443'), '203.0.113.7'],
  ['version 1 over IPv6', text('PROXY TCP6 2001:db8::7 2001:db8::1 56324 443'), '2001:db8::7'],
  ['version 1 without an address', text('PROXY UNKNOWN'), undefined],
  ['version 1 without an address, with rubbish', text('PROXY UNKNOWN ffff:f...f:ffff 65535'), undefined],
  ['version 2 over IPv4', binary(0x21, 0x11, tcp4), '203.0.113.7'],
  ['version 2 over IPv6', binary(0x21, 0x21, tcp6), '2001:db8::7'],
  ['version 2 with what it may carry beside', binary(0x21, 0x11, Buffer.concat([tcp4, tlv])), '203.0.113.7'],
  ['version 2 from the proxy itself', binary(0x20, 0x00, Buffer.alloc(0)), undefined],
  ['version 2 from the proxy itself, with addresses', binary(0x20, 0x11, tcp4), undefined],
  ['version 2 without an address', binary(0x21, 0x00, tlv), undefined],
  ['version 2 over a Unix socket', binary(0x21, 0x31, Buffer.alloc(216)), undefined],
];

const malformed: [string, Buffer][] = [
  ['a request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a lower-case word', text('proxy TCP4 203.0.113.7 198.51.100.1 1 2')],
  ['an address of the other family', text('PROXY TCP4 2001:db8::7 2001:db8::1 1 2')],
  ['an address that is none', text('PROXY TCP4 203.0.113.256 198.51.100.1 1 2')],
  ['a port beyond its bound', text('PROXY TCP4 203.0.113.7 198.51.100.1 65536 2')],
  ['a port that begins with 0', text('PROXY TCP4 203.0.113.7 198.51.100.1 01 2')],
  ['two spaces', text('PROXY TCP4  203.0.113.7 198.51.100.1 1 2')],
  ['too few fields', text('PROXY TCP4 203.0.113.7 198.51.100.1 1')],
  ['too many fields', text('PROXY TCP4 203.0.113.7 198.51.100.1 1 2 3')],
  ['a line without an end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(200)}`)],
  ['UNKNOWN and something', text('PROXY UNKNOWNS')],
  ['another version', binary(0x11, 0x11, tcp4)],
  ['another command', binary(0x22, 0x11, tcp4)],
  ['datagrams', binary(0x21, 0x12, tcp4)],
  ['another family', binary(0x21, 0x41, tcp4)],
  ['addresses that are too short', binary(0x21, 0x11, tcp4.subarray(0, 11))],
  ['more than anybody sends', binary(0x21, 0x11, Buffer.alloc(5_000))],
];

describe('a PROXY header', () => {
  it.each(valid)('%s is read', (_, bytes, source) => {
    const followed = Buffer.concat([bytes, Buffer.from('GET /')]);
    expect(readProxyHeader(followed)).toEqual({ kind: 'header', length: bytes.length, source });
  });

  it.each(valid)('%s is waited for as long as it is not whole', (_, bytes) => {
    for (let length = 0; length < bytes.length; length += 1)
      expect(readProxyHeader(bytes.subarray(0, length)).kind).toBe('incomplete');
  });

  it.each(malformed)('%s is malformed', (_, bytes) => {
    expect(readProxyHeader(bytes).kind).toBe('malformed');
  });

  it('with any one byte changed is malformed, incomplete or a header within its bounds; never more is waited for than a header', () => {
    const changed = fc.tuple(fc.constantFrom(...valid), fc.nat(), fc.nat(255), fc.uint8Array({ maxLength: 5_000 }));
    fc.assert(
      fc.property(changed, ([[, bytes], at, byte, more]) => {
        const attacked = Buffer.concat([bytes, more]);
        attacked[at % bytes.length] = byte;
        const header = readProxyHeader(attacked);
        if (header.kind === 'header') expect(header.length).toBeLessThanOrEqual(Math.min(attacked.length, 4_096));
        if (header.kind === 'incomplete') expect(attacked.length).toBeLessThan(4_096);
      }),
    );
  });

  it('says the same address however it is written', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV6(), (four, six) => {
        const over4 = readProxyHeader(text(`PROXY TCP4 ${four} 198.51.100.1 1 2`));
        expect(over4).toMatchObject({ source: four });
        const address = Buffer.concat([Buffer.from(four.split('.').map(Number)), Buffer.alloc(8)]);
        expect(readProxyHeader(binary(0x21, 0x11, address))).toMatchObject({ source: four });
        if (six.length < 60) expect(readProxyHeader(text(`PROXY TCP6 ${six} ::1 1 2`))).toMatchObject({ source: six });
      }),
    );
  });
});

describe('a listener behind proxies', () => {
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

  async function client(gateway: StartedGateway): Promise<Wire> {
    const wire = await connect(gateway.port);
    cleanups.push(async () => void wire.socket.destroy());
    return wire;
  }

  const request = 'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.9.9.9\r\n\r\n';
  const trusted = { trustedProxies: ['127.0.0.1'], proxyProtocol: true };
  const forwardedFor = () => legacy.received.map(({ headers }) => headers['x-forwarded-for']);

  it('knows the client by the header, whose own claims it does not believe', async () => {
    const gateway = await start(trusted);
    for (const [, bytes] of [valid[0]!, valid[4]!]) {
      const wire = await client(gateway);
      wire.socket.write(bytes);
      wire.send(request);
      await wire.until(/legacy/);
    }
    expect(forwardedFor()).toEqual(['203.0.113.7', '203.0.113.7']);
  });

  it('reads it however it is cut, with the request in the same packet or much later, and on through the connection', async () => {
    const wire = await client(await start(trusted));
    wire.socket.setNoDelay(true);
    for (const byte of valid[4]![1]) {
      wire.socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    wire.send(request);
    await wire.until(/legacy/);
    wire.send(request.replace('/ ', '/second '));
    await eventually(() => legacy.received.length === 2);
    const together = await client(await start(trusted));
    together.socket.write(Buffer.concat([valid[6]![1], Buffer.from(request)]));
    await together.until(/legacy/);
    expect(forwardedFor()).toEqual(['203.0.113.7', '203.0.113.7', '203.0.113.7']);
  });

  it('takes the proxy for the client where that speaks for itself', async () => {
    const wire = await client(await start(trusted));
    wire.socket.write(valid[7]![1]);
    wire.send(request);
    await wire.until(/legacy/);
    expect(forwardedFor()).toEqual(['10.9.9.9, 127.0.0.1']);
  });

  it('reads it before TLS', async () => {
    const folder = join(import.meta.dirname, '../fixtures/tls');
    const own = { cert: join(folder, 'default.pem'), key: join(folder, 'default.key.pem') };
    const gateway = await start({ ...trusted, tls: own });
    const plain = await client(gateway);
    plain.socket.write(valid[0]![1]);
    const wire = new Wire(
      tls.connect({ socket: plain.socket, ca: await readFile(join(folder, 'ca.pem')), servername: 'localhost' }),
    );
    wire.send(request);
    await wire.until(/legacy/);
    expect(forwardedFor()).toEqual(['203.0.113.7']);
  });

  it.each(malformed)('cuts the connection where it should be and is not: %s', async (_, bytes) => {
    const gateway = await start(trusted);
    const wire = await client(gateway);
    wire.socket.write(bytes);
    expect(await wire.end()).toBe('');
    expect(await cutFor(gateway, 'proxy-header')).toBe(1);
    expect(legacy.received).toHaveLength(0);
  });

  it('waits for it only so long, and not for one that broke off', async () => {
    const gateway = await start({ ...trusted, limits: { handshake: '100ms' } });
    const silent = await client(gateway);
    const broken = await client(gateway);
    broken.socket.end('PROXY TCP4');
    await Promise.all([silent.closed, broken.closed]);
    expect(await cutFor(gateway, 'proxy-header')).toBe(2);
  });

  it('does not believe one from anybody else: it is no request', async () => {
    const gateway = await start({ trustedProxies: ['10.0.0.0/8'], proxyProtocol: true });
    const wire = await client(gateway);
    wire.socket.write(valid[0]![1]);
    wire.send(request);
    expect(await wire.end()).toMatch(/^HTTP\/1\.1 400 /);
    const honest = await client(gateway);
    honest.send(request);
    await honest.until(/legacy/);
    expect(forwardedFor()).toEqual(['127.0.0.1']);
  });

  it('lets nobody else connect where it is required', async () => {
    const gateway = await start({ trustedProxies: ['10.0.0.0/8'], proxyProtocol: 'required' });
    const answered = await connect(gateway.port).then(
      (wire) => wire.end(),
      () => '',
    );
    expect(answered).toBe('');
    expect(await cutFor(gateway, 'untrusted-peer')).toBe(1);
  });

  it('without the key takes it for what it is: no request', async () => {
    const wire = await client(await start({ trustedProxies: ['127.0.0.1'] }));
    wire.socket.write(valid[0]![1]);
    expect(await wire.end()).toMatch(/^HTTP\/1\.1 400 /);
  });
});
