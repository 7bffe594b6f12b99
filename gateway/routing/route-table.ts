import { askBody, type Contender, contendersOf } from './contender.ts';
import type { Matched } from './matched.ts';
import { PathTree } from './path-tree.ts';
import type { MatchInput } from './predicate.ts';
import { compareRanks } from './rank.ts';
import type { Reason } from './reasons.ts';
import type { BodyProblem } from './request-body.ts';
import type { Route } from './route.ts';

/** All routes, compiled once, never changed. */
export interface RouteTable {
  /** In the order of the configuration. */
  readonly routes: readonly Route[];
  find(name: string): Route | undefined;
  /**
   * The most specific route that takes the request; of equally specific ones the first in the configuration. `body-needed`: a route
   * takes it but for its body, and the body was not read.
   */
  match(input: MatchInput): Matched | 'body-needed';
  /** Every route whose path fits, most specific first, whether or not its other conditions hold. */
  contenders(input: MatchInput): readonly Contender[];
}

/** Contenders whose templates have one shape, most specific first. */
type Leaf = Contender[];

/** A search under way. */
interface Search {
  readonly input: MatchInput;
  /** Routes passed over because the body cannot be looked into; made when there is one. */
  unread: Reason[] | undefined;
}

const nothing: Matched = { route: undefined, reasons: [{ step: 'match', route: undefined }], to: undefined };

/** Compiles routes into a table. Duplicates must be ruled out before: see `duplicateRoutes`. */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  const byName = new Map(routes.map((route) => [route.name, route]));
  const hosts = new HostPartitions(routes.flatMap(contendersOf));
  return {
    routes,
    find: (name) => byName.get(name),
    match: (input) => hosts.match({ input, unread: undefined }),
    contenders: (input) => hosts.contenders(input),
  };
}

/** Templates by host, the first thing that routes are ranked by: a tree for each exact host, for each wildcard, and for any host. */
class HostPartitions {
  readonly #exact = new Map<string, PathTree<Leaf>>();
  /** By what follows the asterisk: `.example.com`. */
  readonly #wildcards = new Map<string, PathTree<Leaf>>();
  readonly #any = new PathTree<Leaf>();

  constructor(contenders: readonly Contender[]) {
    const leaves = new Set<Leaf>();
    for (const contender of contenders) {
      const leaf = this.#treeOf(contender.host).leaf(contender.route.match.path, newLeaf);
      leaf.push(contender);
      leaves.add(leaf);
    }
    for (const leaf of leaves) leaf.sort(compareContenders);
  }

  match(search: Search): Matched | 'body-needed' {
    const { facts, target } = search.input;
    const { segments } = target;
    let found = this.#exact.get(facts.host)?.search(segments, search, firstThatHolds);
    if (found === undefined && this.#wildcards.size > 0) found = this.#matchWildcards(facts.host, search);
    found ??= this.#any.search(segments, search, firstThatHolds);
    if (found !== undefined) return found;
    return search.unread === undefined ? nothing : { ...nothing, reasons: [...search.unread, ...nothing.reasons] };
  }

  contenders(input: MatchInput): Contender[] {
    const found: Contender[] = [];
    const collect = (leaf: Leaf): undefined => void found.push(...leaf);
    for (const tree of [...this.#exact.values(), ...this.#wildcards.values(), this.#any])
      tree.search(input.target.segments, input, collect);
    return found.sort(compareContenders);
  }

  /** The longest wildcard first; `*.example.com` is any host below example.com, not example.com itself. */
  #matchWildcards(host: string, search: Search): Matched | 'body-needed' | undefined {
    for (let dot = host.indexOf('.', 1); dot > 0; dot = host.indexOf('.', dot + 1)) {
      const found = this.#wildcards.get(host.slice(dot))?.search(search.input.target.segments, search, firstThatHolds);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #treeOf(host: string | undefined): PathTree<Leaf> {
    if (host === undefined) return this.#any;
    const [trees, key] = host.startsWith('*.') ? [this.#wildcards, host.slice(1)] : [this.#exact, host];
    const tree = trees.get(key) ?? new PathTree<Leaf>();
    trees.set(key, tree);
    return tree;
  }
}

function newLeaf(): Leaf {
  return [];
}

/** Of equal ranks the first in the configuration comes first. */
function compareContenders(one: Contender, other: Contender): number {
  return compareRanks(one.rank, other.rank) || one.order - other.order;
}

function firstThatHolds(leaf: Leaf, search: Search): Matched | 'body-needed' | undefined {
  const { input } = search;
  for (const contender of leaf) {
    if (!holds(contender, input)) continue;
    if (contender.body.length === 0) return matched(contender, search);
    if (input.body === undefined) return 'body-needed';
    const answer = askBody(contender.body, input.body);
    if (answer === true) return matched(contender, search);
    if (answer === false) continue;
    const taken = passOver(contender.route, answer, search);
    if (taken) return taken;
  }
  return undefined;
}

/** Optimization: an index loop; this runs for every condition of every contender. */
function holds({ methods, predicates }: Contender, input: MatchInput): boolean {
  if (methods !== undefined && !methods.has(input.facts.method)) return false;
  for (let index = 0; index < predicates.length; index += 1) if (!predicates[index]!.test(input)) return false;
  return true;
}

function matched({ matched }: Contender, { unread }: Search): Matched {
  return unread === undefined ? matched : { ...matched, reasons: [...unread, ...matched.reasons] };
}

/** A body that cannot be looked into: the route takes the request for the side it declares, or is passed over. */
function passOver(route: Route, problem: BodyProblem, search: Search): Matched | undefined {
  const to = route.unreadableBody;
  const reason: Reason = { step: 'body', route, problem, to };
  search.unread = [...(search.unread ?? []), reason];
  return to && { route, reasons: [...search.unread.slice(0, -1), { step: 'match', route }, reason], to };
}
