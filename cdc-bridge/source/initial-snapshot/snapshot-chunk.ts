import type { RowChange } from '../../mapping/row-change.ts';

/** Some rows of one table, all as they were at one binlog position: a step of the ordered flow, beside transactions. */
export interface SnapshotChunk {
  readonly table: string;
  /** Of op r; in a differential snapshot also of op d, for rows that are gone. */
  readonly rows: readonly RowChange[];
  /** In a differential snapshot: which of the rows the log had been told of before. Absent in the initial one. */
  readonly known?: readonly boolean[];
  /** The state that the rows show: everything up to here, nothing beyond. */
  readonly position: string;
  /** When the rows were read, ISO 8601 in UTC. */
  readonly takenAt: string;
}
