import { startHelper } from './helper-process.ts';
import { type Contestant, cores, pin } from './proxy/contestant.ts';
import { nginx, startContestants, withEverything } from './proxy/contestants.ts';
import { onField } from './proxy/field.ts';
import { getRequest } from './proxy/hundred-routes.ts';
import type { PacedAnswer, PacedTurn } from './proxy/paced-load.ts';
import { median, quantile } from './quantile.ts';
import type { Effort, Report } from './report.ts';

const perSecond = 1_000;
const connections = 50;
const answerBytes = 1_024;

/**
 * How long clients wait at 1,000 requests a second, from the moment a request was due: our gateway with everything on against one nginx
 * worker, turn by turn on one core.
 */
export async function measureLatency({ pairs, seconds }: Effort): Promise<Report> {
  return onField(async (field) => {
    const load = await startHelper(new URL('./proxy/paced-load.ts', import.meta.url));
    await pin(load.pid, cores.others);
    const contestants = await startContestants(field, [nginx, withEverything]);
    const ask = async ({ name, port }: Contestant, forSeconds: number) => {
      const turn: PacedTurn = {
        port,
        perSecond,
        seconds: forSeconds,
        connections,
        request: getRequest(answerBytes),
        answerBytes,
      };
      const { latencies, error } = await load.ask<PacedAnswer>(turn);
      if (!latencies) throw new Error(`${name}: ${error}`);
      return latencies;
    };
    try {
      for (const contestant of contestants) await ask(contestant, 3);
      const rounds: (readonly number[])[][] = [];
      for (let pair = 0; pair < pairs; pair += 1) {
        const round: (readonly number[])[] = [];
        for (const contestant of contestants) round.push(await ask(contestant, seconds));
        rounds.push(round);
      }
      const over = (index: number, q: number) => median(rounds.map((round) => quantile(round[index]!, q)));
      const title = `Milliseconds at ${perSecond} requests a second, GET of 1 KiB; medians of ${pairs} rounds of ${seconds} s over ${connections} connections`;
      const rows = contestants.map(({ name }, index) => [name, ...[0.5, 0.9, 0.99, 0.999].map((q) => over(index, q))]);
      return { bench: 'latency', tables: [{ title, columns: ['proxy', 'p50', 'p90', 'p99', 'p99.9'], rows }] };
    } finally {
      for (const { stop } of [...contestants, load]) await stop();
    }
  });
}
