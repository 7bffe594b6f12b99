import type { Json, JsonObject } from '../../contract/json.ts';
import { type Cell, type Row, type RowChange, Unreadable } from '../mapping/row-change.ts';
import type { SourceTransaction } from '../source/change-source.ts';

/** A transaction with those of its rows that a snapshot has seen already: they give no events, but others may be joined with them. */
export interface TransactionStep extends SourceTransaction {
  readonly covered?: ReadonlySet<RowChange>;
}

/** A transaction as it is kept on the log: its cells exactly as they were read, behind the shield. */
interface RawTransaction extends Omit<SourceTransaction, 'name' | 'rows' | 'bytes' | 'schemaChanges' | 'kafka'> {
  readonly transaction: string;
  readonly rows: readonly (RowChange & { readonly covered?: true })[];
}

/**
 * The JSON of a transaction with these of its rows; `name` is kept beside it, as `transaction`. Optimization: the images are handed over
 * as they are, to be written by the one JSON.stringify of the log; an Unreadable knows its own JSON.
 */
export function rawTransaction(transaction: TransactionStep, rows: readonly RowChange[]): JsonObject {
  const { name, gtid, position, committedAt, unread, unsettled, piece, connection, inferred, file, covered } =
    transaction;
  const raw: RawTransaction = {
    transaction: name,
    gtid,
    position,
    committedAt,
    rows: covered
      ? rows.map((row) => ({ ...rawChange(row), ...(covered.has(row) && { covered: true }) }))
      : rows.map(rawChange),
    unread,
    file,
    ...(unsettled === undefined ? {} : { unsettled }),
    ...(piece && { piece }),
    ...(connection === undefined ? {} : { connection }),
    ...(inferred && { inferred }),
  };
  return raw as unknown as JsonObject;
}

/** The JSON of a row change; an image that is not there has no key. */
export function rawChange({ table, op, pos, row, before, after, traceparent, derived }: RowChange): RowChange {
  return {
    table,
    op,
    pos,
    row,
    ...(before && { before }),
    ...(after && { after }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(derived && { derived }),
  };
}

/** Reads back what `rawTransaction` wrote; `bytes` is not kept and 0. */
export function restoredTransaction(data: JsonObject): TransactionStep {
  const { transaction, rows: raw, ...facts } = data as unknown as RawTransaction;
  const rows = raw.map(restoredChange);
  const covered = rows.filter((_, index) => raw[index]!.covered);
  return { ...facts, name: transaction, bytes: 0, rows, ...(covered.length > 0 && { covered: new Set(covered) }) };
}

/** Reads back what `rawChange` wrote. */
export function restoredChange(raw: RowChange): RowChange {
  const { before, after } = raw;
  return rawChange({
    ...raw,
    ...(before && { before: restoredRow(before) }),
    ...(after && { after: restoredRow(after) }),
  });
}

/** Reads back a row that was written as JSON. */
export function restoredRow(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([column, cell]) => [column, restoredCell(cell)]));
}

/** No cell is an object with the one key `unreadable` but a value that could not be read. */
function restoredCell(cell: Cell): Cell {
  if (typeof cell !== 'object' || cell === null) return cell;
  const { unreadable } = cell as { unreadable?: Json };
  return typeof unreadable === 'string' ? new Unreadable(unreadable) : cell;
}
