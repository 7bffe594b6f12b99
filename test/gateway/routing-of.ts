import type { FlagSource } from '../../gateway/flags/flag-source.ts';
import { decide, type Routing } from '../../gateway/routing/decide.ts';
import type { Decision } from '../../gateway/routing/decision.ts';
import type { Ambiguity } from '../../gateway/routing/request-target.ts';
import type { Route } from '../../gateway/routing/route.ts';
import { createRouteTable } from '../../gateway/routing/route-table.ts';
import type { Stage } from '../../gateway/routing/stage.ts';
import { configure } from './configure.ts';

export const service = 'http://127.0.0.1:8082';

/** The routes of one capability, as its file would list them. */
export function routesOf(routes: readonly unknown[], more: object = {}): readonly Route[] {
  return configure({ capabilities: { shipments: { service, routes, ...more } } }).capabilities[0]!.routes;
}

/** Flags of which these are on. */
export function flagsOn(...on: string[]): FlagSource {
  return {
    evaluate: (flag) => ({ enabled: on.includes(flag), reason: 'test' }),
    status: () => ({ kind: 'fresh', since: '', detail: '' }),
    stop: async () => {},
  };
}

/** What a test's routing knows beside its routes; a stage is that of every route. */
interface Surroundings {
  readonly stage?: Stage;
  readonly flags?: FlagSource;
  readonly bypass?: boolean;
  readonly refused?: readonly Ambiguity[];
}

/** Routing over these routes of one capability. */
export function routingOf(
  routes: readonly unknown[],
  more: object = {},
  { stage, flags = flagsOn(), bypass = false, refused = [] }: Surroundings = {},
): Routing {
  const table = createRouteTable(routesOf(routes, more));
  const stages = new Map(stage ? table.routes.map(({ name }) => [name, stage]) : []);
  return { table, stages, flags, bypass, refusedPaths: new Set(refused) };
}

/** A decision; throws where there is none. */
export function decided(...asked: Parameters<typeof decide>): Decision {
  const decision = decide(...asked);
  if ('undecided' in decision) throw new Error(`found no decision: ${decision.undecided}`);
  return decision;
}

/** Random numbers with which every sample takes a request, and none. */
export const always = () => 0;
export const never = () => 0.999999;
