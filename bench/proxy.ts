import type { HelperProcess } from './helper-process.ts';
import { cpuMicroseconds } from './process-usage.ts';
import type { Contestant } from './proxy/contestant.ts';
import {
  bare,
  bareName,
  envoy,
  everythingName,
  nginx,
  passingOn,
  peers,
  startContestants,
  withEverything,
} from './proxy/contestants.ts';
import { onField } from './proxy/field.ts';
import { getRequest, postRequest } from './proxy/hundred-routes.ts';
import type { Turn } from './proxy/load.ts';
import { median } from './quantile.ts';
import type { Effort, Report, ReportTable } from './report.ts';

const connections = 16;
/** Sent to each before a comparison, so that no code is compiled while it is measured. */
const warmRequests = 2_000;

/** One kind of request, and how much less often it is sent than the smallest. */
interface Kind {
  readonly title: string;
  readonly request: string;
  readonly rarer: number;
}

const kinds: readonly Kind[] = [
  { title: 'GET of 1 KiB', request: getRequest(1_024), rarer: 1 },
  { title: 'POST of 1 KiB', request: postRequest(1_024), rarer: 1 },
  { title: 'GET of 64 KiB', request: getRequest(65_536), rarer: 4 },
  { title: 'POST of 1 MiB', request: postRequest(1_048_576), rarer: 20 },
];

/**
 * CPU time per proxied request of our gateway, as a ratio to one nginx worker, to the barest proxy on node:http, to Envoy with the same
 * features and to what npm offers. All run at once on one core, load and upstream on the other, and take turns of equal length, again and
 * again, so that whatever else the machine does falls on all alike; a ratio is made within one round. The first sixth of a turn does not count: a
 * proxy that was idle during the others' turns has tidied up meanwhile, and Node drops code that it does not use.
 */
export async function measureProxy(effort: Effort): Promise<Report> {
  return onField(async (field, load) => {
    const starters = [nginx, bare, envoy, ...peers, passingOn('general'), passingOn('wire'), withEverything];
    const contestants = await startContestants(field, starters);
    try {
      const tables: ReportTable[] = [];
      for (const kind of kinds) tables.push(await compare(kind, contestants, load, effort));
      return { bench: 'proxy', tables };
    } finally {
      for (const { stop } of contestants) await stop();
    }
  });
}

async function compare(
  { title, request, rarer }: Kind,
  contestants: readonly Contestant[],
  load: HelperProcess<unknown>,
  { pairs, requests }: Effort,
): Promise<ReportTable> {
  const count = Math.ceil(requests / rarer);
  const turn = async (contestant: Contestant) => {
    await takeTurn(contestant, request, Math.ceil(count / 5), load);
    return takeTurn(contestant, request, count, load);
  };
  const warm = Math.max(count, warmRequests);
  for (const contestant of contestants) await takeTurn(contestant, request, warm, load);
  const rounds: number[][] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const round: number[] = [];
    for (const contestant of contestants) round.push(await turn(contestant));
    rounds.push(round);
  }
  const ratio = (index: number, name: string) => {
    const other = contestants.findIndex((contestant) => contestant.name === name);
    return median(rounds.map((round) => round[index]! / round[other]!));
  };
  return {
    title: `CPU time of the proxy per ${title}; ${pairs} rounds of ${count} requests over ${connections} connections`,
    columns: ['proxy', 'µs, median', `to ${contestants[0]!.name}`, 'least', 'most', 'to bare', 'to everything on'],
    rows: contestants.map(({ name }, index) => {
      const toFirst = rounds.map((round) => round[index]! / round[0]!);
      const micros = median(rounds.map((round) => round[index]!));
      const others = [ratio(index, bareName), ratio(index, everythingName)];
      return [name, micros, median(toFirst), Math.min(...toFirst), Math.max(...toFirst), ...others];
    }),
  };
}

/** Microseconds of CPU per request. */
async function takeTurn(
  { name, pid, port }: Contestant,
  request: string,
  count: number,
  load: HelperProcess<unknown>,
): Promise<number> {
  const before = cpuMicroseconds(pid);
  const { error } = await load.ask<{ error?: string }>({ port, requests: count, connections, request } satisfies Turn);
  if (error) throw new Error(`${name}: ${error}`);
  return (cpuMicroseconds(pid) - before) / count;
}
