import type { Progress, SnapshotState } from '../positions/progress.ts';
import type { Estimate } from '../source/initial-snapshot/estimate.ts';
import type { Place } from '../source/initial-snapshot/key-order.ts';
import type { Telemetry } from '../telemetry.ts';

const nothingRead: SnapshotState = {
  kind: 'initial',
  table: '',
  tables: 0,
  tablesDone: 0,
  rows: 0,
  rowsPerSecond: 0,
  remainingRows: 0,
};

/** Tells how a snapshot is getting on: to `status`, to metrics and to whoever draws a bar. */
export class SnapshotReport {
  readonly #progress: Progress;
  readonly #telemetry: Telemetry;
  readonly #tell: (state: SnapshotState) => void;
  #tables = 0;
  #beganAt = 0;
  #estimate: Estimate | undefined;
  #state: SnapshotState = nothingRead;

  constructor(progress: Progress, telemetry: Telemetry, tell: (state: SnapshotState) => void) {
    this.#progress = progress;
    this.#telemetry = telemetry;
    this.#tell = tell;
  }

  /** Of so many tables. */
  start(kind: SnapshotState['kind'], tables: number): void {
    this.#tables = tables;
    this.#beganAt = performance.now();
    this.#state = { ...nothingRead, kind, tables };
  }

  begin(table: string, estimate: Estimate, tablesLeft: number): void {
    this.#estimate = estimate;
    this.#show({ table, tablesDone: this.#tables - tablesLeft, remainingRows: estimate.remaining });
  }

  /** A chunk is on the log; `upTo` is undefined at the table's end. */
  imported(rows: number, upTo: Place | undefined): void {
    this.#estimate?.advance(rows, upTo);
    const { waitsFor: _over, ...state } = this.#state;
    this.#state = state;
    const seconds = Math.max(performance.now() - this.#beganAt, 1) / 1_000;
    this.#show({
      rows: state.rows + rows,
      rowsPerSecond: Math.round((state.rows + rows) / seconds),
      remainingRows: upTo === undefined ? 0 : (this.#estimate?.remaining ?? 0),
      tablesDone: state.tablesDone + (upTo === undefined ? 1 : 0),
    });
  }

  /** The server has too much to do. */
  wait(threads: number, limit: number): void {
    this.#show({ waitsFor: `the server: ${threads} threads at work, at most ${limit} allowed` });
  }

  #show(change: Partial<SnapshotState>): void {
    this.#state = { ...this.#state, ...change };
    this.#progress.snapshot = this.#state;
    this.#telemetry.snapshotProgress(this.#state);
    this.#tell(this.#state);
  }
}
