import type { FlagSource } from '../gateway/flags/flag-source.ts';
import { decide, type Routing } from '../gateway/routing/decide.ts';
import type { RequestFacts } from '../gateway/routing/decision.ts';
import { type ParsedTarget, parseTarget } from '../gateway/routing/request-target.ts';
import { createRouteTable } from '../gateway/routing/route-table.ts';
import { configurationOf, flag, manyRoutes, pathOf } from './many-routes.ts';
import { median } from './quantile.ts';
import type { Effort, Report } from './report.ts';

const sizes = [10, 100, 1_000, 10_000];
/** Enough for the compiler to settle and for one round to last some ten milliseconds. */
const questionsPerRound = 100_000;

/**
 * What it costs to take a target apart, to find its route and to decide, as the number of routes grows: nanoseconds of CPU time, median of
 * the rounds. Each question is another request; the tables differ in size only.
 */
export async function measureRouting({ pairs }: Effort): Promise<Report> {
  const rows = sizes.map((size) => {
    const routing = routingOver(size);
    const requests = Array.from({ length: 1_000 }, (_, index) => requestFor(index, size));
    const targets = requests.map(({ target }) => parseTarget(target) as ParsedTarget);
    const asked = (ask: (index: number) => unknown) => medianNanoseconds(ask, pairs);
    return [
      size,
      asked((index) => parseTarget(requests[index]!.target)),
      asked((index) => routing.table.match({ facts: requests[index]!, target: targets[index]!, body: undefined })),
      asked((index) => decide(requests[index]!, routing, () => 1)),
    ];
  });
  return {
    bench: 'routing',
    tables: [
      {
        title: 'nanoseconds of CPU time for one request, by the number of routes (paths, headers and cookies)',
        columns: ['routes', 'take the target apart', 'find the route', 'decide, both included'],
        rows,
      },
    ],
  };
}

function medianNanoseconds(ask: (index: number) => unknown, rounds: number): number {
  const measured = Array.from({ length: rounds + 1 }, () => {
    const before = process.cpuUsage();
    let answered = 0;
    for (let question = 0; question < questionsPerRound; question += 1)
      if (ask(question % 1_000) !== undefined) answered += 1;
    const { user, system } = process.cpuUsage(before);
    if (answered < questionsPerRound) throw new Error('found a question without an answer');
    return ((user + system) * 1_000) / questionsPerRound;
  });
  return median(measured.slice(1));
}

function routingOver(size: number): Routing {
  const split = [{ header: { 'x-beta': '1' } }, { flag }];
  const routes = manyRoutes(size);
  const { capabilities } = configurationOf({ split, rollout: { steps: ['shadow', { canary: '50%' }] }, routes });
  const table = createRouteTable(capabilities[0]!.routes);
  const stages = new Map(table.routes.map(({ name }) => [name, { kind: 'canary' as const, percent: 50 }]));
  return { table, stages, flags: everyFlagOff, bypass: false, refusedPaths: new Set() };
}

/** One that the route at that place of the table takes. */
function requestFor(index: number, size: number): RequestFacts {
  const route = (index * 7919) % size;
  return {
    method: 'GET',
    host: 'www.example.com',
    target: `${pathOf(route)}/${1_000 + index}?page=2`,
    header: (name) => (name === 'x-version' ? '2' : undefined),
    cookie: (name) => (name === 'beta' ? '1' : undefined),
    clientAddress: '192.0.2.1',
    user: undefined,
    assignmentKey: `assignment-key-${index}`,
  };
}

const everyFlagOff: FlagSource = {
  evaluate: () => ({ enabled: false, reason: 'default strategy' }),
  status: () => ({ kind: 'fresh', since: '', detail: '' }),
  stop: async () => {},
};
