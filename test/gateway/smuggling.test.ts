import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requests as randomRequests } from '../../fuzz/wire/messages.ts';
import { Random } from '../../fuzz/wire/random.ts';
import { nextRequest, smugglingAttempts } from '../cases/smuggling-corpus.ts';
import { answersIn, eachOf, sendAll, Victim } from './attack.ts';
import { endHeaders, endStream, FrameClient, get, type } from './http2-frames.ts';
import { type RecordedRequest, type RequestRecorder, startRecorder } from './request-recorder.ts';
import { type StartedGateway, startGatewayBefore } from './start-gateway.ts';
import { eventually } from './wire.ts';

/** Any other seed must do as well. */
const seed = 20_261_121;
const randomAttempts = 150;
const atOnce = 40;

/** Who waits for bytes that do not come must not wait long. */
const patience = { listener: { limits: { head: '500ms' } }, legacy: { timeouts: { request: '200ms' } } };

describe.each(['wire', 'general', 'http-proxy'])('what could be read as another request, before %s', (forwarder) => {
  const answers = new Map<string, readonly string[]>();
  const otherThanTheirs: string[] = [];
  let folder: string;
  let recorder: RequestRecorder;
  let gateway: StartedGateway;

  /** Attacks go on side by side; after each a client that has no part in it asks over the same connections to the back end. */
  async function attack<T>(
    attempts: readonly T[],
    bytesOf: (attempt: T) => string,
    seen: (attempt: T, got: string) => void,
  ) {
    const victims = Array.from({ length: atOnce }, () => new Victim(gateway.port));
    await eachOf(attempts, atOnce, async (attempt) => {
      const victim = victims.shift()!;
      seen(attempt, await sendAll(gateway.port, bytesOf(attempt) + nextRequest));
      const problem = await victim.ask();
      if (problem !== undefined) otherThanTheirs.push(problem);
      victims.push(victim);
    });
    for (const victim of victims) victim.stop();
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smuggling-'));
    recorder = await startRecorder();
    const accessLog = join(folder, 'access.log');
    gateway = await startGatewayBefore(
      recorder.origin,
      patience.listener,
      { forwarder, ...patience.legacy },
      { accessLog },
    );
    await attack(
      smugglingAttempts,
      ({ bytes }) => bytes,
      ({ name }, got) => answers.set(name, answersIn(got)),
    );
    const random = new Random(seed);
    const generated = Array.from({ length: randomAttempts }, () => randomRequests(random));
    await attack(
      generated,
      (bytes) => bytes,
      () => {},
    );
  });

  afterAll(async () => {
    await gateway.stop();
    await recorder.stop();
    await rm(folder, { recursive: true });
  });

  it('is answered as one request, or refused with one status and code, and nothing behind a refusal is read', () => {
    const expected = new Map(smugglingAttempts.map((attempt) => [attempt.name, attempt.answers]));
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(expected));
  });

  it('reaches the back end only as requests that every reader reads the same way', () => {
    expect(recorder.faults).toEqual([]);
    expect(recorder.requests.length).toBeGreaterThan(smugglingAttempts.length + randomAttempts);
  });

  it('gives no other client an answer that is not its own', () => expect(otherThanTheirs).toEqual([]));

  it('is in the access log once for each request that the back end has read', async () => {
    const read = recorder.requests.map(requestId);
    const known = new Set(read);
    const lines = await eventually(async () => {
      const found = await logLines();
      const sent = idsOf(found.filter(({ side }) => side !== undefined));
      return read.every((id) => sent.has(id)) && found;
    });
    const answered = idsOf(lines.filter(({ outcome }) => outcome === 'answered'));
    expect(known.size).toBe(read.length);
    expect(idsOf(lines).size).toBe(lines.length);
    expect([...answered].filter((id) => !known.has(id))).toEqual([]);
  });

  async function logLines(): Promise<LogLine[]> {
    const text = await readFile(join(folder, 'access.log'), 'utf8');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }
});

const fixture = (name: string) => join(import.meta.dirname, '../fixtures/tls', name);

describe('what HTTP/2 could say and HTTP/1.1 must not', () => {
  const evil = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n';
  const post = (...more: (readonly [string, string])[]) =>
    [[':method', 'POST'], ...get('/a', more).slice(1)] as (readonly [string, string])[];
  const attempts: readonly (readonly [name: string, fields: readonly (readonly [string, string])[]])[] = [
    ['a line break in a value', post(['x', 'a\r\nTransfer-Encoding: chunked'])],
    ['a line feed in a value', post(['x', 'a\nContent-Length: 0'])],
    ['a line break in a name', post(['x: y\r\nz', 'a'])],
    ['a colon in a name', post(['content-length:0', 'a'])],
    ['chunked', post(['transfer-encoding', 'chunked'])],
    ['a length of 0', post(['content-length', '0'])],
    ['a length that is too short', post(['content-length', '3'])],
    ['a length with zeros', post(['content-length', `0${evil.length}`])],
    ['two lengths', post(['content-length', `${evil.length}`], ['content-length', `${evil.length}`])],
    ['a request line in the path', [[':method', 'POST'], ...get('/a HTTP/1.1\r\nX: y').slice(1)]],
    ['a request line in the method', [[':method', 'POST /evil HTTP/1.1\r\nX: y'], ...get('/a').slice(1)]],
    ['a body of GET', get('/a')],
  ];

  it('reaches the back end as one request, or not at all', async () => {
    const recorder = await startRecorder();
    const tls = { cert: fixture('default.pem'), key: fixture('default.key.pem') };
    const gateway = await startGatewayBefore(recorder.origin, { tls });
    for (const [, fields] of attempts) {
      const client = await FrameClient.open(gateway.port);
      client.request(1, fields, endHeaders);
      client.frame(type.data, endStream, 1, evil);
      await client.first(
        ({ type: kind, flags }) => kind === type.rstStream || (kind <= 1 && (flags & endStream) !== 0),
      );
      client.socket.destroy();
    }
    await gateway.stop();
    await recorder.stop();
    expect(recorder.faults).toEqual([]);
    expect(recorder.requests.filter(({ target }) => target !== '/a')).toEqual([]);
    expect(recorder.requests.some(({ body }) => body === evil)).toBe(true);
  });
});

interface LogLine {
  readonly requestId: string;
  readonly side?: string;
  readonly outcome: string;
}

function idsOf(lines: readonly LogLine[]): Set<string> {
  return new Set(lines.map((line) => line.requestId));
}

function requestId({ fields }: RecordedRequest): string {
  return fields.find(([name]) => name === 'x-request-id')![1];
}
