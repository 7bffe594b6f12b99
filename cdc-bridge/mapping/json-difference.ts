import { canonicalJson, type Json } from '../../contract/json.ts';

/** A place in which two values differ: `/items/0/price`; a side without that place has no key. */
export interface JsonDifference {
  readonly path: string;
  readonly was?: Json;
  readonly is?: Json;
}

/** Every place in which two values differ, as far down as both are alike in kind. Paths are JSON Pointers (RFC 6901). */
export function jsonDifferences(was: Json | undefined, is: Json | undefined, path = ''): JsonDifference[] {
  if (was !== undefined && is !== undefined && canonicalJson(was) === canonicalJson(is)) return [];
  if (!isContainer(was) || !isContainer(is) || Array.isArray(was) !== Array.isArray(is))
    return [{ path, ...(was === undefined ? {} : { was }), ...(is === undefined ? {} : { is }) }];
  const [before, after] = [new Map(Object.entries(was)), new Map(Object.entries(is))];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [old, now] = [before.get(key), after.get(key)];
    if (old === undefined && now === undefined) return [];
    return jsonDifferences(old, now, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  });
}

function isContainer(value: Json | undefined): value is Json[] | { [key: string]: Json } {
  return typeof value === 'object' && value !== null;
}
