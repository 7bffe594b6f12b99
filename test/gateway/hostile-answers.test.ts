import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answers as randomAnswer } from '../../fuzz/wire/messages.ts';
import { Random } from '../../fuzz/wire/random.ts';
import { eachOf, Victim } from './attack.ts';
import { type StartedGateway, startGatewayBefore } from './start-gateway.ts';
import { type RawServer, rawServer, type Wire } from './wire.ts';

/** Any other seed must do as well. */
const seed = 20_261_121;
const random = new Random(seed);
const hostile = Array.from({ length: 400 }, () => randomAnswer(random));
const atOnce = 32;

/** What a client got: an answer of the application, or in one word why it got none. */
type Got = { readonly status: number; readonly fields: readonly string[]; readonly body: string } | string;

const forwarders = ['wire', 'general', 'http-proxy'] as const;

describe('answers that are malformed at some place or at none', () => {
  const got = new Map<string, Got[]>();
  const otherThanTheirs: string[] = [];
  let application: RawServer;

  beforeAll(async () => {
    application = await rawServer(answerAsAsked);
    for (const forwarder of forwarders) {
      const timeouts = { response: '3s', idle: '1s' };
      const gateway = await startGatewayBefore(application.origin, {}, { forwarder, timeouts });
      got.set(forwarder, await askForAll(gateway));
      await gateway.stop();
    }
  });

  afterAll(() => application.stop());

  async function askForAll({ port }: StartedGateway): Promise<Got[]> {
    const found: Got[] = [];
    const victims = Array.from({ length: atOnce }, () => new Victim(port));
    await eachOf([...hostile.keys()], atOnce, async (index) => {
      const victim = victims.shift()!;
      found[index] = await ask(port, `/hostile/${index}`);
      const problem = await victim.ask();
      if (problem !== undefined) otherThanTheirs.push(`${problem} after ${JSON.stringify(hostile[index])}`);
      victims.push(victim);
    });
    for (const victim of victims) victim.stop();
    return found;
  }

  it.each(forwarders)('are passed on whole by %s, or told as 502 or 504, or seen to break off', (forwarder) => {
    const reasons = got.get(forwarder)!.filter((one) => typeof one === 'string');
    const known = ['broken off', 'upstream-bad-answer', 'upstream-broke-off', 'upstream-response-timeout'];
    expect([...new Set(reasons)].filter((reason) => !known.includes(reason))).toEqual([]);
    expect(got.get(forwarder)!.length - reasons.length).toBeGreaterThan(hostile.length / 5);
  });

  it.each(['general', 'http-proxy'])('are the same by wire and by %s where both pass them on', (other) => {
    const differences = hostile.flatMap((bytes, index) => {
      const [wire, theirs] = [got.get('wire')![index]!, got.get(other)![index]!];
      if (typeof wire === 'string' || typeof theirs === 'string') return [];
      return JSON.stringify(wire) === JSON.stringify(theirs) ? [] : [{ bytes, wire, theirs }];
    });
    expect(differences).toEqual([]);
  });

  it('give no other client an answer that is not its own', () => expect(otherThanTheirs).toEqual([]));
});

/** The hostile answer of that number, all at once; whatever else is asked gets `GET TARGET`. Half of the time the connection stays open. */
function answerAsAsked(wire: Wire): void {
  let seen = 0;
  wire.socket.on('data', () => {
    const targets = [...wire.received.matchAll(/GET (\S+) HTTP\/1\.1\r\n/g)].map(([, target]) => target!);
    for (const target of targets.slice(seen)) {
      const index = /^\/hostile\/(\d+)$/.exec(target)?.[1];
      if (index === undefined)
        wire.send(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length + 4}\r\n\r\nGET ${target}`);
      else wire.send(hostile[Number(index)]!);
      if (Number(index) % 2 === 1) wire.socket.end();
    }
    seen = targets.length;
  });
}

const ownOfEachAnswer = new Set(['date', 'x-request-id', 'connection', 'keep-alive']);

function ask(port: number, path: string): Promise<Got> {
  return new Promise((resolve) => {
    const asked = http.get({ port, host: '127.0.0.1', path, agent: false, headers: { host: 'a' } }, (answer) => {
      let body = '';
      answer.setEncoding('latin1');
      answer.on('data', (piece) => {
        body += piece;
      });
      answer.on('error', () => resolve('broken off'));
      answer.on('end', () => resolve(read(answer, body)));
    });
    asked.on('error', () => resolve('broken off'));
  });
}

function read({ statusCode, rawHeaders, headers }: http.IncomingMessage, body: string): Got {
  const code = /"code":"([a-z-]+)"/.exec(body)?.[1];
  if (headers['content-type'] === 'application/problem+json' && code !== undefined) return code;
  const fields = rawHeaders.filter((_, index) => !ownOfEachAnswer.has(rawHeaders[index - (index % 2)]!.toLowerCase()));
  return { status: statusCode!, fields, body };
}
