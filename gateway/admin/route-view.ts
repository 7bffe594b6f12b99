import type { RequestCounts } from '../accounting/request-metrics.ts';
import { stageOf } from '../routing/decide.ts';
import { matchText, type Route } from '../routing/route.ts';
import type { RouteTable } from '../routing/route-table.ts';
import { splitEntryText } from '../routing/split-entry.ts';
import type { Stage } from '../routing/stage.ts';
import type { RouteView } from './admin-ports.ts';

/** A route as the plan has it, as it stands, and what came to it. */
export function viewOf(route: Route, stages: ReadonlyMap<string, Stage>, requests: RequestCounts): RouteView {
  return {
    name: route.name,
    capability: route.capability,
    match: matchText(route.match),
    steps: route.steps,
    stage: stageOf(route, stages),
    serve: route.serve,
    split: route.split.map(splitEntryText),
    requests,
  };
}

/** Names of the flags that splits ask for, each once, sorted. */
export function flagsInUse(table: RouteTable): string[] {
  const entries = table.routes.flatMap(({ split }) => split);
  return [...new Set(entries.flatMap((entry) => (entry.kind === 'flag' ? [entry.flag] : [])))].sort();
}
