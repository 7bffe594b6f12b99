import type { EventLog } from '../../contract/event-log.ts';
import type { Mapped, Mapping } from '../mapping/mapping.ts';
import type { Cell, Row, RowChange } from '../mapping/row-change.ts';
import type { SnapshotChunk } from '../source/initial-snapshot/snapshot-chunk.ts';
import type { KnownRows } from './known-rows.ts';

export interface DifferencePorts {
  readonly log: EventLog;
  readonly known: KnownRows;
  readonly mapping: Mapping;
}

/** What of a look at a table the log has not been told. */
export interface Differences {
  /** Rows that are to be told: of op r those that are not known, or known otherwise; of op d those that are gone, as they were known. */
  readonly told: SnapshotChunk;
  /** Rows that differ in nothing that an import tells. */
  readonly untold: readonly RowChange[];
}

/**
 * Compares rows, behind the shield, with what is known of them; `missing` names known rows that are not there. Two rows are the same when an import
 * of one would say what an import of the other says. `whole` are the columns that the binlog tells: of others nothing can be known.
 */
export async function differences(
  { log, known, mapping }: DifferencePorts,
  chunk: SnapshotChunk,
  missing: readonly string[],
  whole: readonly string[],
): Promise<Differences> {
  const { table, rows } = chunk;
  const names = rows.map(({ after }) => known.nameOf(table, after!) ?? '');
  const before = await known.rows(log, table, [...names, ...missing]);
  const changed = rows
    .map((change, index) => ({ change, was: before.get(names[index]!) }))
    .filter(({ change, was }) => !isSameRow(was, change.after!, whole));
  const now = mapping.of(changed.map(({ change }) => change));
  const then = mapping.of(changed.map(({ change, was }) => asKnown(change, was, whole)));
  const isTold = changed.map(({ was }, index) => was === undefined || saysOther(now[index]!, then[index]!));
  const told = changed.filter((_, index) => isTold[index]);
  const gone = missing.flatMap((name) => goneRow(table, before.get(name)));
  return {
    told: {
      ...chunk,
      rows: [...gone, ...told.map(({ change }) => change)],
      known: [...gone.map(() => true), ...told.map(({ was }) => was !== undefined)],
    },
    untold: changed.filter((_, index) => !isTold[index]).map(({ change }) => change),
  };
}

function isSameRow(known: Row | undefined, found: Row, whole: readonly string[]): boolean {
  return known !== undefined && whole.every((column) => isSameCell(known[column], found[column]));
}

function isSameCell(a: Cell | undefined, b: Cell | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** The row as it was known, of the columns that it has now. */
function asKnown(change: RowChange, known: Row | undefined, whole: readonly string[]): RowChange {
  const { table, op, pos, row, after = {} } = change;
  if (!known) return change;
  const columns = whole.filter((column) => column in after && column in known);
  return { table, op, pos, row, after: Object.fromEntries(columns.map((column) => [column, known[column]!])) };
}

function saysOther(now: Mapped, then: Mapped): boolean {
  return said(now) !== said(then);
}

function said(mapped: Mapped): string {
  if (mapped.kind !== 'mapped') return mapped.kind;
  return JSON.stringify(mapped.events.map(({ rule, stream, data }) => [rule, stream, data]));
}

function goneRow(table: string, before: Row | undefined): RowChange[] {
  return before ? [{ table, op: 'd', before, pos: 0, row: 0 }] : [];
}
