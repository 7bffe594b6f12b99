import { isDeepStrictEqual } from 'node:util';

/** Where a key stands in a configuration: `['capabilities', 'shipments', 'split']`. */
export type KeyPath = readonly string[];

/** Keys whose values differ between two configurations as written, each as deep as mappings go; lists are compared whole. */
export function changedKeys(before: unknown, after: unknown, path: KeyPath = []): KeyPath[] {
  if (isDeepStrictEqual(before, after)) return [];
  const mappings = [before, after].filter(isMapping);
  const others = [before, after].some((value) => value !== undefined && !isMapping(value));
  if (others || mappings.length === 0) return [path];
  const names = new Set(mappings.flatMap(Object.keys));
  return [...names].flatMap((name) => changedKeys(valueAt(before, name), valueAt(after, name), [...path, name]));
}

function valueAt(mapping: unknown, name: string): unknown {
  return isMapping(mapping) && Object.hasOwn(mapping, name) ? mapping[name] : undefined;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
