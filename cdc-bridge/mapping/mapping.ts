import { canonicalJson, type Json, type JsonObject } from '../../contract/json.ts';
import { readCell } from './cell.ts';
import { compilePattern } from './pattern.ts';
import type { Row, RowChange, RowOp } from './row-change.ts';
import { type EventRule, keyColumns, type MappedTable, type TablesConfig } from './table-mapping.ts';
import { compileTemplate } from './template.ts';
import { Unclear, type UnclearReason } from './unclear.ts';

/** An event that a rule made of a row change. */
export interface MappedEvent {
  /** The rule, which is the event's name too. */
  readonly action: string;
  readonly op: RowOp;
  readonly stream: string;
  /** The row's key as canonical JSON: `[17]`. */
  readonly key: string;
  readonly data: JsonObject;
}

/**
 * What the mapping says about one row change.
 * `ignored`: the table is left out on purpose. `unmapped`: no table entry, or no rule matched. `unclear`: to be parked.
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

/** A compiled mapping: pure, the same change always gives the same answer. */
export type Mapping = (change: RowChange) => Mapped;

type CompiledRule = (change: RowChange) => JsonObject | undefined;

interface CompiledTable {
  readonly stream: (row: Row) => string;
  readonly key: (row: Row) => string;
  readonly rules: readonly { readonly action: string; readonly op: RowOp; readonly payload: CompiledRule }[];
}

/** Compiles the tables section once; mapping a change then only reads. */
export function compileMapping(tables: TablesConfig): Mapping {
  const compiled = new Map<string, CompiledTable | 'ignore'>(
    Object.entries(tables).map(([name, table]) => [name, table === 'ignore' ? table : compileTable(table)]),
  );
  return (change) => {
    const table = compiled.get(change.table);
    if (table === undefined) return { kind: 'unmapped' };
    return table === 'ignore' ? { kind: 'ignored' } : mapWith(table, change);
  };
}

function mapWith(table: CompiledTable, change: RowChange): Mapped {
  const row = `${change.table}/${attempt(() => table.key(lastKnownRow(change))) ?? '?'}`;
  try {
    const events = moves(table, change).flatMap((part) => eventsOf(table, part));
    return events.length === 0 ? { kind: 'unmapped' } : { kind: 'mapped', events, row };
  } catch (error) {
    if (!(error instanceof Unclear)) throw error;
    const stream = attempt(() => table.stream(lastKnownRow(change)));
    return { kind: 'unclear', reason: error.reason, detail: error.message, row, stream };
  }
}

/** An update that gives a row another key or another stream is its end in the old place and its beginning in the new one. */
function moves(table: CompiledTable, change: RowChange): RowChange[] {
  const { before, after } = change;
  if (change.op !== 'u' || !before || !after) return [change];
  const stays = table.stream(before) === table.stream(after) && table.key(before) === table.key(after);
  if (stays) return [change];
  const { before: _before, after: _after, ...rest } = change;
  return [
    { ...rest, op: 'd', before },
    { ...rest, op: 'c', after },
  ];
}

function eventsOf(table: CompiledTable, change: RowChange): MappedEvent[] {
  return table.rules.flatMap(({ action, op, payload }) => {
    const data = op === change.op ? payload(change) : undefined;
    if (data === undefined) return [];
    const row = currentRow(change);
    return [{ action, op, stream: table.stream(row), key: table.key(row), data }];
  });
}

function compileTable(table: MappedTable): CompiledTable {
  const columns = keyColumns(table);
  return {
    stream: compileTemplate(table.stream),
    key: (row) => canonicalJson(columns.map((column) => readCell(row, column))),
    rules: Object.entries(table.events).map(([action, rule]) => ({
      action,
      op: rule.op,
      payload: compileRule(rule, new Set(table.columns?.exclude)),
    })),
  };
}

/** The payload when the rule matches, undefined when it does not. */
function compileRule(rule: EventRule, excluded: ReadonlySet<string>): CompiledRule {
  const before = compilePattern(rule.before ?? {});
  const after = compilePattern(rule.after ?? {});
  const payload = compilePayload(rule.data ?? {}, excluded);
  return (change) => {
    const matches =
      before(change.before ?? {}) &&
      after(change.after ?? {}) &&
      (!rule.changed || rule.changed.some((column) => differs(change, column)));
    return matches ? payload(change) : undefined;
  };
}

function differs({ before = {}, after = {} }: RowChange, column: string): boolean {
  return canonicalJson(readCell(before, column)) !== canonicalJson(readCell(after, column));
}

function compilePayload(
  data: NonNullable<EventRule['data']>,
  excluded: ReadonlySet<string>,
): (change: RowChange) => JsonObject {
  if (data === '*') return (change) => wholeRow(currentRow(change), excluded);
  const members = Object.entries(data).map(([key, reference]) => [key, compileReference(reference)] as const);
  return (change) => Object.fromEntries(members.map(([key, read]) => [key, read(change)]));
}

function wholeRow(row: Row, excluded: ReadonlySet<string>): JsonObject {
  const kept = Object.keys(row).filter((column) => !excluded.has(column));
  return Object.fromEntries(kept.map((column) => [column.replaceAll('_', '-'), readCell(row, column)]));
}

function compileReference(reference: string): (change: RowChange) => Json {
  const match = /^(before|after)\.(.+)$/.exec(reference);
  if (!match) return (change) => readCell(currentRow(change), reference);
  const side = match[1] as 'before' | 'after';
  return (change) => readCell(change[side] ?? {}, match[2]!);
}

/** The row that a change is about: as it is now, or as it was when it is gone. */
function currentRow(change: RowChange): Row {
  return change.after ?? change.before ?? {};
}

/** All that is known of a row, to name it by when its image is not whole: a column that is not in the new image has not changed. */
function lastKnownRow({ before, after }: RowChange): Row {
  return { ...before, ...after };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Unclear) return undefined;
    throw error;
  }
}
