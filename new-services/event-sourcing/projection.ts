import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { Database } from '../../runtime/sqlite.ts';

/** A read model: which tables it has and what an event changes in them. Nothing else: side effects would fire again on each rebuild. */
export interface Projection {
  /** `shipments-view`: names its file. */
  readonly name: string;
  /** Raised whenever the tables or what events do to them change; another version is rebuilt from the log's first event. */
  readonly version: number;
  /** The statements that create its tables. */
  readonly tables: string;
  /** Prepares its statements; the answer applies one event. It runs inside the transaction that also stores the checkpoint. */
  writer(database: Database): (event: RecordedEvent) => void;
}
