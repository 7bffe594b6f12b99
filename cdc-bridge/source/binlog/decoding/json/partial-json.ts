import { type PathLeg, parseJsonPath } from './json-path.ts';
import { type JsonTree, treeBuilder, treeText } from './json-tree.ts';
import { readBinaryJson } from './read-binary-json.ts';

const operations = ['replace', 'insert', 'remove'] as const;

/** One change inside a document. A removal has no value. */
interface JsonDiff {
  readonly operation: (typeof operations)[number];
  readonly path: readonly PathLeg[];
  readonly value?: JsonTree;
}

/**
 * The text that SELECT shows of a document after the diffs that MySQL writes instead of it (`binlog_row_value_options=PARTIAL_JSON`). `before` is the
 * whole document in binary, `diffs` are the bytes that stand in the after image, both without their length. Throws a RangeError when the
 * diffs cannot be read or do not fit the document.
 *
 *     diffs = diff*      diff = operation(1): 0 replace, 1 insert, 2 remove; length path; unless remove: length document
 *
 * Lengths are the protocol's: one byte, or 252, 253, 254 with 2, 3, 8 bytes behind. Source: Json_diff_vector::read_binary, sql/json_diff.cc.
 */
export function partialJsonText(before: Buffer, diffs: Buffer): string {
  let tree = readBinaryJson(before, 0, before.length, treeBuilder);
  for (const diff of readDiffs(diffs)) tree = applied(tree, diff);
  return treeText(tree);
}

function* readDiffs(bytes: Buffer): Generator<JsonDiff, void, undefined> {
  for (let at = 0; at < bytes.length; ) {
    const operation = operations[bytes[at]!];
    if (!operation) throw new RangeError(`JSON diff: operation ${bytes[at]} is not known`);
    const [pathStart, pathEnd] = field(bytes, at + 1);
    const path = parseJsonPath(bytes.toString('utf8', pathStart, pathEnd));
    at = pathEnd;
    if (operation === 'remove') {
      yield { operation, path };
      continue;
    }
    const [start, end] = field(bytes, at);
    yield { operation, path, value: readBinaryJson(bytes.subarray(start, end), 0, end - start, treeBuilder) };
    at = end;
  }
}

const bytesAfter: Readonly<Record<number, number>> = { 252: 2, 253: 3, 254: 8 };

/** Where a field that begins with its length starts and ends. */
function field(bytes: Buffer, at: number): [start: number, end: number] {
  const first = bytes[at];
  if (first === undefined || first === 251 || first === 255) throw new RangeError(`JSON diff: no length at byte ${at}`);
  const wide = bytesAfter[first] ?? 0;
  const start = at + 1 + wide;
  if (start > bytes.length) throw new RangeError(`JSON diff: it ends at byte ${bytes.length}, inside a length`);
  const length =
    wide === 0 ? first : wide === 8 ? Number(bytes.readBigUInt64LE(at + 1)) : bytes.readUIntLE(at + 1, wide);
  if (length > bytes.length - start)
    throw new RangeError(`JSON diff: ${length} bytes from byte ${start}, but it ends at ${bytes.length}`);
  return [start, start + length];
}

function applied(tree: JsonTree, { operation, path, value }: JsonDiff): JsonTree {
  const last = path.at(-1);
  if (last === undefined) {
    if (operation === 'replace') return value!;
    throw new RangeError(`JSON diff: ${operation} of a whole document`);
  }
  const parent = path.slice(0, -1).reduce(child, tree);
  if (parent instanceof Map && 'key' in last) changeMember(parent, operation, last.key, value);
  else if (Array.isArray(parent) && !('key' in last)) changeItem(parent, operation, last, value);
  else throw missing();
  return tree;
}

function child(tree: JsonTree, leg: PathLeg): JsonTree {
  if (tree instanceof Map && 'key' in leg) return tree.get(leg.key) ?? fail();
  if (Array.isArray(tree) && !('key' in leg)) return tree[indexOf(tree, leg)] ?? fail();
  return fail();
}

function changeMember(members: Map<string, JsonTree>, operation: JsonDiff['operation'], key: string, value?: JsonTree) {
  if (members.has(key) === (operation === 'insert')) throw missing();
  if (operation === 'remove') members.delete(key);
  else members.set(key, value!);
}

function changeItem(
  items: JsonTree[],
  operation: JsonDiff['operation'],
  leg: Exclude<PathLeg, { key: string }>,
  value?: JsonTree,
) {
  const index = indexOf(items, leg);
  if (operation === 'insert') items.splice(Math.min(index, items.length), 0, value!);
  else if (index < 0 || index >= items.length) throw missing();
  else if (operation === 'remove') items.splice(index, 1);
  else items[index] = value!;
}

function indexOf(items: readonly JsonTree[], leg: Exclude<PathLeg, { key: string }>): number {
  return 'index' in leg ? leg.index : items.length - 1 - leg.fromLast;
}

function fail(): never {
  throw missing();
}

function missing(): RangeError {
  return new RangeError('JSON diff: it does not fit the document as it was before');
}
