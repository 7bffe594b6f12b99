import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requests as randomRequests } from '../../fuzz/wire/messages.ts';
import { Random } from '../../fuzz/wire/random.ts';
import { nextRequest, smugglingAttempts } from '../cases/smuggling-corpus.ts';
import { answersIn, eachOf, sendAll, Victim } from './attack.ts';
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
