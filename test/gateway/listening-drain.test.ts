import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Side, startSide } from './sides.ts';
import { startGeneralForwarder } from './start-forwarder.ts';
import { type StartedGateway, startGatewayBefore } from './start-gateway.ts';
import { connect, eventually, type Wire } from './wire.ts';

let legacy: Side;
let gateway: StartedGateway;
let cleanups: (() => Promise<unknown>)[];

beforeEach(() => {
  cleanups = [];
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function start(forwarder: string): Promise<void> {
  legacy = await startSide('legacy');
  gateway = await startGatewayBefore(legacy.origin, {}, { forwarder });
  cleanups.push(legacy.stop, gateway.stop);
}

async function client(): Promise<Wire> {
  const wire = await connect(gateway.port);
  cleanups.push(async () => void wire.socket.destroy());
  return wire;
}

const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe.each(['wire', 'general'])('a gateway that stops (%s)', (forwarder) => {
  it('answers what is in flight as the last on its connection, and says at /readyz that no more should come', async () => {
    await start(forwarder);
    let finish = () => {};
    legacy.answer = (_, response) => {
      finish = () => response.end('late');
    };
    const wire = await client();
    wire.send(request);
    await eventually(() => legacy.received.length === 1);
    const stopped = gateway.stop();
    await expect(connect(gateway.port)).rejects.toThrow('ECONNREFUSED');
    const ready = await fetch(`${gateway.adminUrl}/readyz`);
    expect([ready.status, ((await ready.json()) as { status: string }).status]).toEqual([503, 'draining']);
    finish();
    expect(await wire.end()).toMatch(/^HTTP\/1\.1 200 OK\r\n(.*\r\n)*Connection: close\r\n(.*\r\n)*\r\n.*late/i);
    await stopped;
  });

  it('answers a request that comes on a kept connection a moment later, as the last', async () => {
    await start(forwarder);
    const wire = await client();
    wire.send(request);
    await wire.until(/legacy/);
    const stopped = gateway.stop();
    wire.send(request);
    expect((await wire.end()).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    await stopped;
  });

  it('answers one request more where it had said before that the connection goes on', async () => {
    await start(forwarder);
    let finish = () => {};
    legacy.answer = (_, response) => {
      response.writeHead(200, { 'Content-Length': '4' });
      response.write('be');
      finish = () => response.end('ta');
    };
    const wire = await client();
    wire.send(request);
    await wire.until(/be$/);
    expect(wire.received).toMatch(/^Connection: keep-alive/im);
    const stopped = gateway.stop();
    legacy.answer = (_, response) => response.end('last');
    finish();
    await wire.until(/beta/);
    wire.send(request);
    expect(await wire.end()).toMatch(/beta.*Connection: close.*last/is);
    await stopped;
  });

  it('closes connections that wait, be it for their first request', async () => {
    await start(forwarder);
    const [unused, kept] = [await client(), await client()];
    kept.send(request);
    await kept.until(/legacy/);
    await gateway.stop();
    await Promise.all([unused.closed, kept.closed]);
    expect(unused.received).toBe('');
  });

  it('under load loses no request: each has a whole answer, or its connection ended before a byte of one', async () => {
    await start(forwarder);
    legacy.answer = (_, response) => setTimeout(() => response.end('x'.repeat(10_000)), 5);
    const outcomes = { whole: 0, refused: 0, broken: [] as unknown[] };
    let stopping = false;
    const load = Array.from({ length: 20 }, async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      for (let refused = false; !refused; ) {
        refused = await new Promise<boolean>((resolve) => {
          let headed = false;
          const asked = http.get({ port: gateway.port, host: '127.0.0.1', agent }, async (response) => {
            headed = true;
            let bytes = 0;
            try {
              for await (const chunk of response) bytes += (chunk as Buffer).length;
              if (bytes === 10_000) outcomes.whole += 1;
              else outcomes.broken.push(bytes);
            } catch (error) {
              outcomes.broken.push(error);
            }
            resolve(false);
          });
          asked.once('error', (error) => {
            if (headed) return;
            if (stopping) outcomes.refused += 1;
            else outcomes.broken.push(error);
            resolve(true);
          });
        });
      }
      agent.destroy();
    });
    await eventually(() => outcomes.whole > 200);
    stopping = true;
    await gateway.stop();
    await Promise.all(load);
    expect(outcomes.broken).toEqual([]);
    expect(outcomes.refused).toBe(20);
    expect(outcomes.whole).toBe(legacy.received.length);
  });
});

it('a stream of events is cut when the time to drain is over', async () => {
  legacy = await startSide('legacy');
  cleanups.push(legacy.stop);
  legacy.answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
  };
  const { port, stop } = await startGeneralForwarder(legacy.origin);
  const wire = await connect(port);
  wire.send(request);
  await wire.until(/data: 1/);
  await stop();
  await wire.closed;
  expect(wire.received).not.toMatch(/\r\n0\r\n/);
});
