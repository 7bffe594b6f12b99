import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { nextRequest, smugglingAttempts } from '../cases/smuggling-corpus.ts';
import { type BackEnd, startApacheBackEnd, startNginxBackEnd } from '../real-parts/back-ends.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
import { eachOf, sendAll, Victim } from './attack.ts';
import { startGatewayBefore } from './start-gateway.ts';
import { eventually } from './wire.ts';

const backEnds: readonly (readonly [name: string, get: () => Promise<BackEnd>])[] = [
  ['nginx', startNginxBackEnd],
  ['Apache and PHP', startApacheBackEnd],
];

const atOnce = 12;
/** Without TRACE, which these answer with what they were sent, and without bodies that do not come, for which these do not wait. */
const attempts = smugglingAttempts.filter(
  ({ bytes, answers }) => !bytes.startsWith('TRACE') && !answers.includes('408 client-stalled'),
);

describe.each(backEnds)('before %s', (name, get) => {
  const backEnd = requireRealPart(name, get);

  it.each(['wire', 'general'])(
    '%s lets no attempt make a request of its own, or take the answer of another client',
    async (forwarder) => {
      const { origin, log } = backEnd();
      const before = await requestsIn(log);
      const gateway = await startGatewayBefore(
        origin,
        { limits: { head: '500ms' } },
        { forwarder, timeouts: { request: '200ms' } },
      );
      const victims = Array.from({ length: atOnce }, () => new Victim(gateway.port));
      const problems: string[] = [];
      await eachOf(attempts, atOnce, async ({ bytes }) => {
        const victim = victims.shift()!;
        await sendAll(gateway.port, bytes + nextRequest);
        const problem = await victim.ask();
        if (problem !== undefined) problems.push(problem);
        victims.push(victim);
      });
      for (const victim of victims) victim.stop();
      await gateway.stop();
      expect(problems).toEqual([]);
      const expected = attempts.flatMap(({ answers }) => answers).filter((answer) => answer === 'GET /evil').length;
      const evil = async () =>
        (await requestsIn(log)).slice(before.length).filter((line) => line === 'GET /evil').length;
      await eventually(async () => (await evil()) >= expected);
      expect(await evil()).toBe(expected);
    },
  );
});

async function requestsIn(log: string): Promise<string[]> {
  return (await readFile(log, 'utf8')).split('\n').slice(0, -1);
}
