import { murmur32 } from '../routing/murmur.ts';
import type { Loose } from './compile-constraint.ts';
import { isObject } from './compile-strategy.ts';
import { isEverPresent, type ReadField, readerOf, stickyByDefault } from './flag-context.ts';

/** The name of the variant that a request gets, of a flag that is on for it; undefined: none of them. */
export type ChooseVariant = ReadField;

interface Variant {
  readonly name: string;
  readonly weight: number;
  readonly overrides: readonly Override[];
}

/** A variant that is given to requests with one of these values, whatever its weight. */
interface Override {
  readonly read: ReadField;
  readonly values: ReadonlySet<unknown>;
}

const variantSeed = 86_028_157;

/**
 * The choice among variants, as unleash-client makes it; undefined where chance may decide it or where a variant is malformed. `group` is
 * hashed with the value that the choice sticks to.
 */
export function compileVariants(group: string, stickiness: unknown, variants: unknown): ChooseVariant | undefined {
  if (!Array.isArray(variants)) return undefined;
  const read = stickyReader(stickiness);
  const known = variants.map(readVariant);
  if (!read || !known.every((variant) => variant !== undefined)) return undefined;
  const total = known.reduce((sum, { weight }) => sum + weight, 0);
  if (total <= 0) return () => undefined;
  const hash = murmur32(`${group}:`, variantSeed);
  return (facts, route) => {
    const overridden = known.find(({ overrides }) =>
      overrides.some(({ read, values }) => values.has(read(facts, route))),
    );
    return overridden ? overridden.name : weighed(known, (hash(String(read(facts, route))) % total) + 1);
  };
}

/** The first variant at which the weights so far reach the target. */
function weighed(variants: readonly Variant[], target: number): string | undefined {
  let reached = 0;
  for (const { name, weight } of variants) {
    reached += weight;
    if (reached >= target) return name;
  }
  return undefined;
}

function stickyReader(stickiness: unknown): ReadField | undefined {
  if (stickiness === undefined || stickiness === 'default') return stickyByDefault;
  return isEverPresent(stickiness) ? readerOf(stickiness) : undefined;
}

function readVariant(variant: unknown): Variant | undefined {
  if (!isObject(variant)) return undefined;
  const { name, weight } = variant;
  if (typeof name !== 'string' || typeof weight !== 'number' || !Number.isSafeInteger(weight)) return undefined;
  const overrides = readOverrides(variant.overrides);
  return overrides && { name, weight, overrides };
}

function readOverrides(overrides: unknown): Override[] | undefined {
  if (!overrides) return [];
  if (!Array.isArray(overrides)) return undefined;
  const read = overrides.map(readOverride);
  return read.every((override) => override !== undefined) ? read : undefined;
}

function readOverride(override: unknown): Override | undefined {
  if (!isObject(override) || !Array.isArray(override.values)) return undefined;
  const read = readerOf((override as Loose).contextName);
  return read && { read, values: new Set(override.values) };
}
