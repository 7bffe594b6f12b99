import { join } from 'node:path';
import { expect, it } from 'vitest';
import { block, FrameClient, frameBytes, get } from './http2-frames.ts';
import { type Side, startSide } from './sides.ts';
import { type StartedGateway, startGatewayBefore } from './start-gateway.ts';
import { eventually } from './wire.ts';

const fixture = (name: string) => join(import.meta.dirname, '../fixtures/tls', name);
const tls = { cert: fixture('default.pem'), key: fixture('default.key.pem') };
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
const connections = Number(process.env.FUZZ_CONNECTIONS ?? 150);
const atOnce = 8;

/** Numbers below `bound` that are the same for the same seed. */
function random(start: number): (bound: number) => number {
  let state = start >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

const methods = ['GET', 'POST', 'HEAD', 'PUT', 'CONNECT', 'TRACE'];
const paths = ['/', '/big', '/silent', '/events', '/breaks-off'];
const streams = [0, 1, 1, 1, 3, 3, 5, 7, 2];

/** A frame that could be right where it stands, or not. */
function someFrame(below: (bound: number) => number): Buffer {
  const pick = <T>(all: readonly T[]): T => all[below(all.length)]!;
  const bytes = (most: number) => Buffer.from(Array.from({ length: below(most) }, () => below(256)));
  const head = () => block([[':method', pick(methods)], ...get(pick(paths)).slice(1)]);
  const stream = pick(streams);
  const kinds = [
    () => frameBytes(1, pick([4, 5, 5, 0x24]), stream, head()),
    () => frameBytes(1, 5, stream, block([...get(pick(paths)), ['content-length', `${below(9)}`]])),
    () => frameBytes(0, below(2), stream, bytes(30)),
    () => frameBytes(3, 0, stream, Buffer.from([0, 0, 0, below(14)])),
    () => frameBytes(8, 0, stream, Buffer.from([0, 0, below(256), below(256)])),
    () => frameBytes(7, 0, 0, Buffer.from([0, 0, 0, 0, 0, 0, 0, below(14)])),
    () => frameBytes(below(12), below(256), stream, bytes(40)),
  ];
  return pick(kinds)();
}

/** One client that says some frames, a byte of them wrong now and then, and leaves. */
async function visit(port: number, below: (bound: number) => number): Promise<void> {
  const client = await FrameClient.open(port);
  const bytes = Buffer.concat(Array.from({ length: 1 + below(8) }, () => someFrame(below)));
  if (below(3) === 0) bytes[below(bytes.length)] = below(256);
  client.raw(bytes);
  for (let turns = below(40); turns > 0; turns -= 1) await new Promise(setImmediate);
  if (below(2) === 0) client.socket.destroy();
  else client.socket.end();
  await client.closed;
}

function answerAsAsked(legacy: Side): void {
  legacy.answer = (request, response) => {
    response.on('error', () => {});
    if (request.url === '/big') response.end(Buffer.alloc(300_000));
    else if (request.url === '/events') response.writeHead(200).write('data: 1\n\n');
    else if (request.url === '/breaks-off') response.write('beginning', () => request.socket.destroy());
    else if (request.url !== '/silent') response.end('ok');
  };
}

async function nothingIsLeft(gateway: StartedGateway): Promise<boolean> {
  return /^strangler_connections_open 0$/m.test(await gateway.metrics.text());
}

it(`whatever frames clients send (seed ${seed}), when they have left nothing of them is left, and others are served`, async () => {
  const legacy = await startSide('legacy');
  answerAsAsked(legacy);
  const limits = { stall: '300ms', head: '1s', idle: '1s' };
  const gateway = await startGatewayBefore(legacy.origin, { tls, limits });
  const below = random(seed);
  let left = connections;
  const visitors = Array.from({ length: atOnce }, async () => {
    while (left-- > 0) await visit(gateway.port, below);
  });
  await Promise.all(visitors);
  await eventually(() => nothingIsLeft(gateway));
  const client = await FrameClient.open(gateway.port);
  client.request(1);
  expect((await client.first(({ type, flags }) => type <= 1 && (flags & 1) !== 0)).stream).toBe(1);
  client.socket.destroy();
  await gateway.stop();
  await legacy.stop();
}, 60_000);
