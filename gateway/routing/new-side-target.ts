import { matchPath, renderPath } from './path-template.ts';
import { parseTarget, splitOnce } from './request-target.ts';
import type { Route } from './route.ts';

/** The target to ask the new side for: the path rewritten where the route says so, the query as received. */
export function newSideTarget(route: Route, target: string): string {
  if (!route.rewrite) return target;
  const parsed = parseTarget(target);
  const captures = 'ambiguous' in parsed ? undefined : matchPath(route.match.path, parsed);
  if (!captures) return target;
  const [, query] = splitOnce(target, '?');
  return renderPath(route.rewrite, captures) + (query === '' ? '' : `?${query}`);
}
