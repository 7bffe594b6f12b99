import type { JsonObject } from '../../contract/json.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { RowChange } from '../mapping/row-change.ts';
import {
  rawChange,
  rawTransaction,
  restoredChange,
  restoredTransaction,
  type TransactionStep,
} from '../row-changes/raw-transaction.ts';
import type { SnapshotChunk } from '../source/initial-snapshot/snapshot-chunk.ts';

/** What row changes come in: a transaction, or a piece of one, or a chunk of a snapshot. All have passed the shield. */
export type Step = TransactionStep | SnapshotChunk;

/** Stands for the transaction of a row of a snapshot. */
export const snapshotTransaction = 'initial-snapshot';

export function isChunk(step: Step): step is SnapshotChunk {
  return 'takenAt' in step;
}

export function transactionOf(step: Step): string {
  return isChunk(step) ? snapshotTransaction : step.name;
}

/** When the changes of a step came to be, as far as that is known. */
export function occurredAt(step: Step): string {
  return isChunk(step) ? step.takenAt : step.committedAt;
}

/** A step as JSON, to be kept with a change of it that is parked. */
export function stepJson(step: Step): JsonObject {
  if (!isChunk(step)) return rawTransaction(step, step.rows);
  const { table, position, takenAt, known, rows } = step;
  const raw = rows.map(rawChange) as unknown as JsonObject[];
  return { table, position, takenAt, rows: raw, ...(known && { known: [...known] }) };
}

/** Reads back the step that an event of topic `parked` has. */
export function restoredStep({ data, meta }: Pick<RecordedEvent, 'data' | 'meta'>): Step {
  if ('changes' in data) return 'takenAt' in data ? restoredChunk(data) : restoredTransaction(data);
  return stepOfOne(data, meta.occurredAt);
}

function restoredChunk(data: JsonObject): SnapshotChunk {
  const { table, position, takenAt, rows, known } = data as unknown as SnapshotChunk;
  return { table, position, takenAt, rows: rows.map(restoredChange), ...(known && { known }) };
}

/** Format 1 of the log kept one change alone: its images without their transaction, and its place as `rowIndex`. */
function stepOfOne(data: JsonObject, at: string): Step {
  const { transaction, table, op, before, after, pos = 0, rowIndex } = data as unknown as ParkedAlone;
  const change = { table, op, pos, row: rowIndex, ...(before && { before }), ...(after && { after }) };
  const rows = op === undefined ? [] : [restoredChange(change)];
  if (transaction === snapshotTransaction) return { table, position: transaction, takenAt: at, rows };
  return {
    name: transaction,
    gtid: transaction.replace(/^[a-z]+:/, ''),
    position: transaction,
    committedAt: at,
    rows,
    unread: [],
    file: { name: '', createdAt: '' },
    bytes: 0,
  };
}

interface ParkedAlone extends RowChange {
  readonly transaction: string;
  readonly rowIndex: number;
}
