import { z } from 'zod';
import { derivedId } from '../../contract/event-id.ts';
import type { EventLog } from '../../contract/event-log.ts';
import type { Generation } from '../../contract/generations.ts';
import { canonicalJson, type Json } from '../../contract/json.ts';
import type { MappingFunctions } from '../mapping/mapping-function.ts';
import { columnsOf, keptTables, mappedTables, type TablesConfig } from '../mapping/table-mapping.ts';

const digests = z.record(z.string(), z.string());

const schema = z.object({
  /** Of the whole. */
  hash: z.string(),
  /** `TABLE.EVENT`, or TABLE for its function → digest of the rule and of what it reads its table by. */
  rules: digests,
  /** Table that is imported → digest of everything that its imports depend on. */
  imports: digests,
  /** Table → digest of what is taken out of its rows before they are kept. */
  shields: digests,
  /** Tables whose row changes are kept. */
  kept: z.array(z.string()),
});

/** What a generation of streams was made by, as far as another mapping is to be compared with it. */
export type MappingRecord = Readonly<z.infer<typeof schema>>;

/** The record of a mapping. Of functions it has their text: what they import may change unseen. */
export function mappingRecord(tables: TablesConfig, functions: MappingFunctions = new Map()): MappingRecord {
  const textOf = (place: string) => functions.get(place)?.toString() ?? null;
  const rules: Record<string, string> = {};
  const imports: Record<string, string> = {};
  for (const [name, { key, stream, columns, events, use }] of mappedTables(tables)) {
    const { ignore: _reasons, ...read } = columns ?? {};
    const table = { key, stream, read } as unknown as Json;
    for (const [event, rule] of Object.entries(events))
      rules[`${name}.${event}`] = digest([table, rule as Json, textOf(`${name}.${event}`)]);
    if (use !== undefined) rules[name] = digest([table, textOf(name)]);
    const imported = Object.keys(events).filter((event) => events[event]!.op === 'r');
    if (imported.length > 0) imports[name] = digest(imported.map((event) => rules[`${name}.${event}`]!));
  }
  const shields = Object.fromEntries(
    Object.entries(tables).map(([name, entry]) => {
      const { exclude = [], mask = {}, hash = [] } = columnsOf(entry) ?? {};
      return [name, digest([[...exclude].sort(), mask, [...hash].sort()])];
    }),
  );
  const kept = [...keptTables(tables)].sort();
  return { hash: digest([rules, shields, kept]), rules, imports, shields, kept };
}

function digest(facts: Json): string {
  return derivedId(canonicalJson({ facts }));
}

/** Rules that are there in one of two mappings only, or in both and not alike, in alphabetical order. */
export function changedRules(one: MappingRecord, other: MappingRecord): string[] {
  return differing(one.rules, other.rules);
}

/** Names whose digests differ, or that only one side has. */
export function differing(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => one[name] !== other[name]).sort();
}

/** Names the cursor that a generation's record is kept under. */
export function recordName(bridge: string, generation: number): string {
  return `mapping:${bridge}:${generation}`;
}

/** What a generation was made by; undefined when no bridge has said so yet. */
export async function recordOf(
  log: Pick<EventLog, 'cursor'>,
  bridge: string,
  generation: number,
): Promise<MappingRecord | undefined> {
  const stored = await log.cursor(recordName(bridge, generation));
  return stored && schema.parse(JSON.parse(stored.value));
}

/** The number of the current generation. */
export async function currentGeneration(log: Pick<EventLog, 'generations'>): Promise<number> {
  return numberIn(await log.generations.list(), 'current')!;
}

/** The generation in this state, if there is one. */
export function numberIn(generations: readonly Generation[], state: Generation['state']): number | undefined {
  return generations.find((generation) => generation.state === state)?.number;
}
