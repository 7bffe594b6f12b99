import { eachField } from './header-fields.ts';

/** Options of Connection that name no field. */
const plainOptions = new Set(['', 'keep-alive', 'close', 'upgrade', 'te']);

/** The field names, in lower case, that a Connection value gives up to this hop; undefined when it names none, which is nearly always so. */
export function namedByConnection(value: string): ReadonlySet<string> | undefined {
  if (value === 'keep-alive' || value === 'close') return undefined;
  const options = value.split(',').map((option) => option.trim().toLowerCase());
  const named = options.filter((option) => !plainOptions.has(option));
  return named.length === 0 ? undefined : new Set(named);
}

/** Fields less those that Connection named. The first `ours` entries are our own and stay: no client takes them away. */
export function withoutNamed(fields: readonly string[], named: ReadonlySet<string>, ours: number): string[] {
  const kept = fields.slice(0, ours);
  eachField(fields.slice(ours), (name, value, lower) => {
    if (!named.has(lower)) kept.push(name, value);
  });
  return kept;
}
