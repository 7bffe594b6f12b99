import { canonicalJson, type JsonObject } from '../../contract/json.ts';
import { hasChanged, type Images, readCell, sameValue } from './cell.ts';
import type { EventRule } from './event-rule.ts';
import { compileInterpretation, type Interpretation } from './interpretation.ts';
import type { MappingFunctions } from './mapping-function.ts';
import { compilePattern, type RowTest } from './pattern.ts';
import type { Pattern } from './pattern-syntax.ts';
import { type Row, type RowChange, type RowOp, Unreadable } from './row-change.ts';
import { type CompiledRule, compileChanged, compileFunction, compileRule, type RuleEvent } from './rule.ts';
import {
  columnsOf,
  isMapped,
  keptTables,
  keyColumns,
  type MappedTable,
  streamColumns,
  type TablesConfig,
} from './table-mapping.ts';
import { compileTemplate } from './template.ts';
import { type ReadChange, Transaction } from './transaction.ts';
import { Unclear, type UnclearReason } from './unclear.ts';

/** An event that a rule made of a row change. */
export interface MappedEvent {
  readonly action: string;
  /** Names the rule in the event's id: the action; for a function's events the rule and their place, `shipment-moved#0`. */
  readonly rule: string;
  /** Version of the payload. */
  readonly schema: number;
  readonly op: RowOp;
  readonly stream: string;
  /** The row's key as canonical JSON: `[17]`. */
  readonly key: string;
  readonly data: JsonObject;
}

/**
 * What the mapping says about one row change.
 * `ignored`: the table, the operation or every column that changed is left out on purpose. `unmapped`: no table entry, or no rule matched.
 * `unclear`: to be parked.
 */
export type Mapped =
  | { readonly kind: 'mapped'; readonly events: readonly MappedEvent[]; readonly row: string }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'unmapped' }
  | {
      readonly kind: 'unclear';
      readonly reason: UnclearReason;
      readonly detail: string;
      readonly row: string;
      readonly stream: string | undefined;
    };

/** A compiled mapping: pure, the same transaction always gives the same answers. */
export interface Mapping {
  /** What becomes of each row change of a transaction, in their order. `whole` is false for a piece of one that is too large to be held. */
  of(rows: readonly RowChange[], whole?: boolean): Mapped[];
}

interface CompiledTable {
  readonly name: string;
  /** Columns that name the row and its stream. */
  readonly identity: readonly string[];
  /** Columns that are left out on purpose. */
  readonly passedOver: ReadonlySet<string>;
  /** Which rows are left out on purpose: operation → any of these tests. */
  readonly ignored: ReadonlyMap<RowOp, readonly RowTest[]>;
  readonly interpretation: Interpretation | undefined;
  readonly stream: (images: Images) => string;
  readonly key: (images: Images) => string;
  readonly rules: Readonly<Record<RowOp, readonly CompiledRule[]>>;
}

/**
 * Compiles the tables section once; mapping a change then only reads. `functions` holds every function that the tables name with `use`; one that is
 * missing is a RangeError.
 */
export function compileMapping(tables: TablesConfig, functions: MappingFunctions = new Map()): Mapping {
  const compiled = new Map<string, CompiledTable | 'ignore'>(
    Object.entries(tables).map(([name, table]) => [
      name,
      isMapped(table) ? compileTable(name, table, functions) : 'ignore',
    ]),
  );
  const interpretations = new Map(
    Object.entries(tables).map(([name, table]) => [name, compileInterpretation(columnsOf(table))]),
  );
  const read = (change: RowChange) => readChange(change, interpretations.get(change.table));
  const kept = keptTables(tables);
  return {
    of(rows, whole = true) {
      const transaction = new Transaction(rows, whole, read, kept);
      return rows.map((change) => {
        const table = compiled.get(change.table);
        if (table === undefined) return unmapped;
        return table === 'ignore' ? ignored : mapWith(table, change, transaction);
      });
    },
  };
}

const unmapped: Mapped = { kind: 'unmapped' };
const ignored: Mapped = { kind: 'ignored' };

function readChange(change: RowChange, interpretation: Interpretation | undefined): ReadChange {
  const { op, before, after } = change;
  if (!interpretation) return { change, op, before, after };
  return { change, op, before: before && interpretation(before), after: after && interpretation(after) };
}

function mapWith(table: CompiledTable, change: RowChange, transaction: Transaction): Mapped {
  const seen = readChange(change, table.interpretation);
  try {
    const events: MappedEvent[] = [];
    if (hasMoved(table, seen)) {
      addEvents(table, { change, op: 'd', before: seen.before }, transaction, events);
      addEvents(table, { change, op: 'c', after: { ...seen.before, ...seen.after } }, transaction, events);
    } else addEvents(table, seen, transaction, events);
    if (events.length > 0) return { kind: 'mapped', events, row: `${table.name}/${table.key(seen)}` };
    return isLeftOut(table, seen) ? ignored : unmapped;
  } catch (error) {
    if (!(error instanceof Unclear)) throw error;
    const row = `${table.name}/${attempt(() => table.key(seen)) ?? '?'}`;
    const stream = attempt(() => table.stream(seen));
    return { kind: 'unclear', reason: error.reason, detail: error.message, row, stream };
  }
}

/** An update that gives a row another key or another stream is its end in the old place and its beginning in the new one. */
function hasMoved({ identity }: CompiledTable, seen: ReadChange): boolean {
  if (seen.op !== 'u') return false;
  for (const column of identity) if (hasChanged(seen, column)) return true;
  return false;
}

function addEvents(table: CompiledTable, seen: ReadChange, transaction: Transaction, events: MappedEvent[]): void {
  const made: RuleEvent[] = [];
  for (const rule of table.rules[seen.op]) rule(seen, transaction, made);
  if (made.length === 0) return;
  const key = table.key(seen);
  const stream = table.stream(seen);
  for (const { action, rule, schema, data, stream: own = stream } of made)
    events.push({ action, rule, schema, op: seen.op, stream: own, key, data });
}

/** Whether a change that no rule matched is left out on purpose: its operation is, its row, or everything that it changed. */
function isLeftOut({ ignored, passedOver }: CompiledTable, seen: ReadChange): boolean {
  const { op, before = {}, after = {} } = seen;
  if (ignored.get(op)?.some((test) => test(seen))) return true;
  return op === 'u' && Object.keys(after).every((column) => passedOver.has(column) || isSame(before, after, column));
}

function isSame(before: Row, after: Row, column: string): boolean {
  const [was, now] = [before[column], after[column]];
  if (was === undefined || now === undefined || was instanceof Unreadable || now instanceof Unreadable)
    return was === now;
  return sameValue(was, now);
}

function compileTable(name: string, table: MappedTable, functions: MappingFunctions): CompiledTable {
  const { columns, ignore = {} } = table;
  return {
    name,
    identity: [...new Set([...keyColumns(table), ...streamColumns(table)])],
    passedOver: new Set([...(columns?.exclude ?? []), ...Object.keys(columns?.ignore ?? {})]),
    ignored: compileIgnored(ignore),
    interpretation: compileInterpretation(columns),
    stream: compileTemplate(table.stream),
    key: compileKey(keyColumns(table)),
    rules: compileRules(name, table, functions),
  };
}

function compileIgnored(ignore: NonNullable<MappedTable['ignore']>): CompiledTable['ignored'] {
  return new Map(
    Object.entries(ignore).map(([op, left]) => [
      op as RowOp,
      typeof left === 'string' ? [() => true] : left.map(compileIgnoredRows),
    ]),
  );
}

function compileIgnoredRows({ row, changed }: Pick<EventRule, 'changed'> & { row?: Pattern | undefined }): RowTest {
  const isSuch = compilePattern(row, 'current');
  const hasSuch = compileChanged({ changed });
  return (images) => (!isSuch || isSuch(images)) && (!hasSuch || hasSuch(images));
}

function compileKey(columns: readonly string[]): (images: Images) => string {
  const [only = ''] = columns;
  if (columns.length > 1) return (images) => canonicalJson(columns.map((column) => readCell(images, column)));
  return (images) => {
    const value = readCell(images, only);
    return typeof value === 'number' ? `[${value}]` : canonicalJson([value]);
  };
}

function compileRules(name: string, table: MappedTable, functions: MappingFunctions): CompiledTable['rules'] {
  const rules: Record<RowOp, CompiledRule[]> = { c: [], u: [], d: [], r: [] };
  const excluded = new Set(table.columns?.exclude);
  const functionOf = (place: string) => {
    const use = functions.get(place);
    if (!use) throw new RangeError(`expected a function for ${place}, found none`);
    return use;
  };
  for (const [event, rule] of Object.entries(table.events)) {
    const use = rule.use === undefined ? undefined : functionOf(`${name}.${event}`);
    rules[rule.op].push(compileRule(event, rule, excluded, use));
  }
  if (table.use === undefined) return rules;
  const whole = compileFunction('', 1, functionOf(name));
  for (const op of ['c', 'u', 'd'] as const) rules[op].push(whole);
  return rules;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Unclear) return undefined;
    throw error;
  }
}
