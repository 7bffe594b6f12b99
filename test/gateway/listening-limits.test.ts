import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, type Side, startSide } from './sides.ts';
import { cutFor, type StartedGateway, startGatewayBefore } from './start-gateway.ts';
import { connect, eventually, type Wire } from './wire.ts';

let legacy: Side;
let gateway: StartedGateway;
let cleanups: (() => Promise<unknown>)[];

beforeEach(async () => {
  legacy = await startSide('legacy');
  cleanups = [legacy.stop];
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function start(limits: object, listener: object = {}, upstream: object = {}): Promise<void> {
  gateway = await startGatewayBefore(legacy.origin, { limits, ...listener }, upstream);
  cleanups.push(gateway.stop);
}

async function client(): Promise<Wire> {
  const wire = await connect(gateway.port);
  cleanups.push(async () => void wire.socket.destroy());
  return wire;
}

const clients = (count: number) => Promise.all(Array.from({ length: count }, client));
/** What somebody gets whose connection is cut at once, perhaps before it knows that it stands. */
const cutAtOnce = (gateway: StartedGateway): Promise<string> =>
  connect(gateway.port).then(
    (wire) => wire.end(),
    () => '',
  );

const served = async () => expect((await ask(gateway.publicUrl, '/')).status).toBe(200);

it('a thousand clients whose heads never end keep nobody waiting, are told so and cost nothing after', async () => {
  await start({ head: '2s' });
  const slow = await clients(1_000);
  for (const wire of slow) wire.send('GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ');
  await served();
  for (const wire of slow) wire.send('1');
  await served();
  await Promise.all(slow.map(({ closed }) => closed));
  expect(slow.every(({ received }) => received.startsWith('HTTP/1.1 408 '))).toBe(true);
  await served();
  expect(legacy.received).toHaveLength(3);
});

it('a head that comes byte by byte has no more time than one that comes at once', async () => {
  await start({ head: '500ms' });
  const wire = await client();
  wire.send('GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ');
  const drip = setInterval(() => wire.send('1'), 20);
  expect(await wire.end()).toMatch(/^HTTP\/1\.1 408 .*client-stalled/s);
  clearInterval(drip);
});

it('who connects and asks nothing is let go without a word', async () => {
  await start({ head: '200ms' });
  expect(await (await client()).end()).toBe('');
});

it('a connection that waits for its next request is closed after a while', async () => {
  await start({ idle: '200ms' });
  const wire = await client();
  wire.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await wire.end()).toMatch(/^HTTP\/1\.1 200 /);
});

it('one connection more than may be open is cut; when one closes there is room again', async () => {
  await start({ connections: 3 });
  const [first] = await clients(3);
  await eventually(async () => /^strangler_connections_open 3$/m.test(await gateway.metrics.text()));
  expect(await cutAtOnce(gateway)).toBe('');
  expect(await cutFor(gateway, 'too-many-connections')).toBe(1);
  first!.socket.destroy();
  await eventually(async () => /^strangler_connections_open 2$/m.test(await gateway.metrics.text()));
  await served();
});

it('one address can hold only so many connections, a trusted proxy as many as it likes', async () => {
  await start({ connectionsPerAddress: 2 });
  await clients(2);
  expect(await cutAtOnce(gateway)).toBe('');
  expect(await cutFor(gateway, 'too-many-from-address')).toBe(1);
  await start({ connectionsPerAddress: 2 }, { trustedProxies: ['127.0.0.0/8'] });
  await clients(5);
  await served();
});

it('the limit of an address counts those whom a PROXY header names, and forgets them when they leave', async () => {
  await start({ connectionsPerAddress: 1 }, { trustedProxies: ['127.0.0.1'], proxyProtocol: true });
  const from = async (address: string) => {
    const wire = await client();
    wire.send(`PROXY TCP4 ${address} 198.51.100.1 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n`);
    return wire;
  };
  const first = await from('203.0.113.7');
  await first.until(/legacy/);
  expect(await (await from('203.0.113.7')).end()).toBe('');
  await (await from('203.0.113.8')).until(/legacy/);
  first.socket.destroy();
  await eventually(async () => {
    const again = await from('203.0.113.7');
    await Promise.race([again.closed, again.until(/legacy/).catch(() => '')]);
    return again.received.includes('legacy');
  });
});

it.each(['wire', 'general'])(
  'a client that does not read is cut (%s); one that waits for a slow application is not',
  async (forwarder) => {
    await start({ stall: '300ms' }, {}, { forwarder });
    legacy.answer = (_, response) => {
      response.write('x'.repeat(30_000_000));
      response.end();
    };
    const lazy = await client();
    lazy.socket.pause();
    lazy.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(async () => (await cutFor(gateway, 'client-not-reading')) === 1);
    lazy.socket.resume();
    await lazy.closed;
    expect(lazy.received.length).toBeLessThan(30_000_000);
    legacy.answer = (_, response) => setTimeout(() => response.end('late'), 1_000);
    expect((await ask(gateway.publicUrl, '/')).body).toBe('late');
  },
);

it('a head beyond the limit is refused and others on other connections are served', async () => {
  await start({});
  const wire = await client();
  wire.send(`GET / HTTP/1.1\r\nHost: a\r\n${'X-Field: value\r\n'.repeat(10_000)}\r\n`);
  expect(await wire.end()).toMatch(/^HTTP\/1\.1 431 .*headers-too-large/s);
  await served();
  expect(legacy.received).toHaveLength(1);
});
