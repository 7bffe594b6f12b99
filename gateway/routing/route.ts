import type { BodyRules } from '../rewriting/config.ts';
import type { Cidr } from './cidr.ts';
import type { PathTemplate } from './path-template.ts';
import type { SplitEntry } from './split-entry.ts';
import type { Stage, Target } from './stage.ts';

/** What a request must be for a route to take it. All of it must hold; an empty list or record asks for nothing. */
export interface RouteMatch {
  /** Lower case, exact or `*.example.com`. */
  readonly hosts: readonly string[];
  readonly methods: readonly string[];
  readonly path: PathTemplate;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Values by JSON Pointer (`/receiver/country`) or by the name of a form's field. */
  readonly body: Readonly<Record<string, string>>;
  readonly clients: readonly Cidr[];
}

/** A route of a capability as planned in the configuration, with what it inherits from its capability filled in. */
export interface Route {
  /** Unique over all capabilities; the text of the match when not named: `GET /shipments/{id}`. */
  readonly name: string;
  readonly capability: string;
  readonly match: RouteMatch;
  /** Beats stage and split. */
  readonly serve: Target | undefined;
  /** The path on the new side, filled from the places of `match.path`; undefined: the same path. */
  readonly rewrite: PathTemplate | undefined;
  /** Which bodies are rewritten, whoever answers; false: none; undefined: as the side says. */
  readonly rewriteBodies: BodyRules | false | undefined;
  /** The first entry that applies decides. */
  readonly split: readonly SplitEntry[];
  /** The stages of its rollout, in order. A route never moved stands at the first. Empty: no stage, the split (or `serve`) alone decides. */
  readonly steps: readonly Stage[];
  /** Who answers a safe request when the new side fails before its first byte. */
  readonly fallback: 'legacy' | 'none';
  /** Who answers a request whose body `match.body` asks about and cannot be looked into; undefined: the next route that takes it. */
  readonly unreadableBody: Target | undefined;
  /** Percent of this route's legacy answers that are also asked from the new side. */
  readonly shadowSample: number;
  /** Percent of this route's new answers that are also asked from legacy. */
  readonly reverseSample: number;
}

/**
 * Whether two requests for the same thing may be answered by different sides, now or at a later step: such answers must not be kept by
 * shared caches, and clients must be recognised again. An operator may set a canary that no step plans.
 */
export function splits(route: Route, stage: Stage | undefined): boolean {
  if (route.serve !== undefined) return false;
  return route.split.length > 0 || stage?.kind === 'canary' || route.steps.some(({ kind }) => kind === 'canary');
}

/** A match in one line: `GET api.example.com/api/v2/* header x-version=2`. */
export function matchText({ hosts, methods, path, headers, cookies, query, body, clients }: RouteMatch): string {
  const pairs = (word: string, record: Readonly<Record<string, string>>) =>
    Object.entries(record).map(([name, value]) => `${word} ${name}=${value}`);
  return [
    ...(methods.length > 0 ? [methods.join(',')] : []),
    hosts.join(',') + path.text,
    ...pairs('header', headers),
    ...pairs('cookie', cookies),
    ...pairs('query', query),
    ...pairs('body', body),
    ...clients.map(({ text }) => `client ${text}`),
  ].join(' ');
}
