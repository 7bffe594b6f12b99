import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const mib = 1024 * 1024;
/** `LARGE_BODY_MIB=2048 npx vitest run test/gateway/large-bodies-forwarder.test.ts` sends what nobody wants to wait for in every run. */
const size = Number(process.env.LARGE_BODY_MIB ?? 256) * mib;
/** Far less than any of the bodies: what is on its way, and what the collector has not yet come to. */
const roomBytes = 64 * mib;
const block = Buffer.alloc(256 * 1024, 'x');

async function write(stream: NodeJS.WritableStream, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes; sent += block.length) if (!stream.write(block)) await once(stream, 'drain');
  stream.end();
}

async function count(stream: NodeJS.ReadableStream): Promise<number> {
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await finished(stream);
  return bytes;
}

let upstream: http.Server;
let child: ChildProcess | undefined;

beforeEach(async () => {
  upstream = http.createServer({ requestTimeout: 0 }, async (request, response) => {
    const received = await count(request);
    const wanted = Number(request.headers['x-wanted']);
    response.writeHead(200, { 'x-received': received, 'content-length': wanted });
    await write(response, wanted);
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  child?.disconnect();
  upstream.close().closeAllConnections();
});

async function told<T>(process: ChildProcess): Promise<T> {
  const [message] = await once(process, 'message');
  return message as T;
}

async function start(name: string) {
  const { port } = upstream.address() as AddressInfo;
  const program = join(import.meta.dirname, 'forwarder-process.ts');
  const started = fork(program, [name, `http://127.0.0.1:${port}`], { execArgv: ['--import', 'tsx'] });
  child = started;
  const forwarder = await told<{ port: number }>(started);
  const peak = async () => {
    started.send('memory');
    return (await told<{ peakBytes: number }>(started)).peakBytes;
  };
  return { port: forwarder.port, peak };
}

async function exchange(port: number, up: number, down: number) {
  const headers = { 'content-length': up, 'x-wanted': down };
  const request = http.request({ port, method: 'POST', headers });
  const answered = once(request, 'response');
  await write(request, up);
  const [answer] = (await answered) as [http.IncomingMessage];
  return { up: Number(answer.headers['x-received']), down: await count(answer) };
}

describe.each(['wire', 'general', 'http-proxy'])('%s', (name) => {
  it(`carries ${size / mib} MiB up and as much down in flat memory`, async () => {
    const { port, peak } = await start(name);
    await exchange(port, 16 * mib, 16 * mib);
    const before = await peak();
    expect(await exchange(port, size, size)).toEqual({ up: size, down: size });
    expect((await peak()) - before).toBeLessThan(roomBytes);
  }, 600_000);
});
