import { textBuilder } from './json-text.ts';
import type { JsonBuilder } from './read-binary-json.ts';

/** A document that can be changed. A leaf is the text that SELECT shows of it. */
export type JsonTree = string | JsonTree[] | Map<string, JsonTree>;

/** Builds a tree whose objects keep the order of their keys. */
export const treeBuilder: JsonBuilder<JsonTree> = {
  leaf: (text) => text,
  array: (items) => items,
  object: (keys, values) => new Map(keys.map((key, index) => [key, values[index]!])),
};

/** The tree as MySQL prints it. */
export function treeText(tree: JsonTree): string {
  if (typeof tree === 'string') return tree;
  if (Array.isArray(tree)) return textBuilder.array(tree.map(treeText));
  const keys = [...tree.keys()].sort(inStoredOrder);
  return textBuilder.object(
    keys,
    keys.map((key) => treeText(tree.get(key)!)),
  );
}

/** The order in which the server keeps the keys of an object: shorter ones first, those of one length by their bytes. */
function inStoredOrder(a: string, b: string): number {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length - other.length || one.compare(other);
}
