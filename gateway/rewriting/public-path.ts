import { matchPath, type PathTemplate, placesOf, renderPath } from '../routing/path-template.ts';
import { parseTarget } from '../routing/request-target.ts';
import type { Route } from '../routing/route.ts';

type Rewriting = Pick<Route, 'match' | 'rewrite'>;

/**
 * The path by which a client reaches one of the new side's, where routes rewrite paths: the first of the routes whose `rewrite` accepts it
 * tells. `/v2/7?full` with `match: /shipments/{id}, rewrite: /v2/{id}` → `/shipments/7?full`. A path that no route leads to stays.
 */
export function publicPath(path: string, routes: readonly Rewriting[]): string {
  const at = path.search(/[?#]/);
  const plain = at < 0 ? path : path.slice(0, at);
  const parsed = parseTarget(plain);
  if ('ambiguous' in parsed) return path;
  for (const { match, rewrite } of routes) {
    const captures = rewrite && matchPath(rewrite, parsed);
    if (captures && placesOf(match.path).every((place) => place in captures)) {
      return renderPath(match.path, captures) + path.slice(plain.length);
    }
  }
  return path;
}

/**
 * The Path of a cookie likewise, by what stands before a template's first place: `/v2` or `/v2/x` → `/shipments` or `/shipments/x`. `/` stays:
 * it covers every public path as it is.
 */
export function publicCookiePath(path: string, routes: readonly Rewriting[]): string {
  for (const { match, rewrite } of routes) {
    const inside = rewrite && headOf(rewrite);
    if (!inside || (path !== inside && !path.startsWith(`${inside}/`))) continue;
    return headOf(match.path) + path.slice(inside.length) || '/';
  }
  return path;
}

/** `/v2/{id}/items` → `/v2`; empty for a template that begins with a place. */
function headOf({ segments }: PathTemplate): string {
  const first = segments.findIndex(({ kind }) => kind !== 'literal');
  const literal = first < 0 ? segments : segments.slice(0, first);
  return literal.map((segment) => `/${segment.kind === 'literal' ? segment.text : ''}`).join('');
}
