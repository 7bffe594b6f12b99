import { isDigits, type PathTemplate } from './path-template.ts';

/** What is known at one place of a tree: the leaves that end there, and where each kind of next segment leads. */
interface Node<Leaf> {
  /** Optimization: most nodes lead nowhere further; one without a map is small, and thousands of them stay in the processor's cache. */
  literals: Map<string, Node<Leaf>> | undefined;
  int: Node<Leaf> | undefined;
  text: Node<Leaf> | undefined;
  /** Of templates that end here. */
  exact: Leaf | undefined;
  /** Of templates that end in `/*` here. */
  rest: Leaf | undefined;
}

/**
 * Templates by their segments, so that a path is tried only against those that begin as it does: the cost does not grow with their number.
 * Templates of one shape share a leaf; of those that fit a path the most specific is tried first (see `pathRank`).
 */
export class PathTree<Leaf> {
  readonly #root: Node<Leaf> = newNode();

  /** The leaf of a template's shape, made when it is the first. */
  leaf({ segments, prefix }: PathTemplate, make: () => Leaf): Leaf {
    let node = this.#root;
    for (const segment of segments) {
      if (segment.kind === 'literal') node = childOf(node, segment.text);
      else node = node[segment.type] ??= newNode();
    }
    const end = prefix ? 'rest' : 'exact';
    node[end] ??= make();
    return node[end];
  }

  /** Gives `take` the leaves that fit a path, most specific first, until it answers something. `input` is passed on to it. */
  search<Input, Answer>(
    segments: readonly string[],
    input: Input,
    take: (leaf: Leaf, input: Input) => Answer | undefined,
  ): Answer | undefined {
    return searchBelow(this.#root, segments, 0, input, take);
  }
}

function newNode<Leaf>(): Node<Leaf> {
  return { literals: undefined, int: undefined, text: undefined, exact: undefined, rest: undefined };
}

function childOf<Leaf>(node: Node<Leaf>, text: string): Node<Leaf> {
  node.literals ??= new Map();
  let child = node.literals.get(text);
  if (!child) {
    child = newNode();
    node.literals.set(text, child);
  }
  return child;
}

/** Optimization: recursion with plain arguments; a request allocates nothing here. */
function searchBelow<Leaf, Input, Answer>(
  node: Node<Leaf>,
  segments: readonly string[],
  depth: number,
  input: Input,
  take: (leaf: Leaf, input: Input) => Answer | undefined,
): Answer | undefined {
  if (depth === segments.length) return node.exact === undefined ? undefined : take(node.exact, input);
  const segment = segments[depth]!;
  const literal = node.literals?.get(segment);
  let found = literal && searchBelow(literal, segments, depth + 1, input, take);
  if (found === undefined && node.int !== undefined && isDigits(segment))
    found = searchBelow(node.int, segments, depth + 1, input, take);
  if (found === undefined && node.text !== undefined && segment !== '')
    found = searchBelow(node.text, segments, depth + 1, input, take);
  if (found === undefined && node.rest !== undefined) found = take(node.rest, input);
  return found;
}
