import { parseSourcePosition } from '../../contract/source-position.ts';
import { gtidSetOf } from '../positions/gtid.ts';
import type { ChangeSource } from '../source/change-source.ts';
import type { LegacyDatabase } from '../source/legacy-database.ts';
import { compareTable } from './compare-table.ts';
import type { Difference, TableVerdict, Verdict } from './difference.ts';
import { copy, pinView } from './pinned-view.ts';
import { Replay } from './replay.ts';
import { Replica } from './replica.ts';
import { type VerifiedTable, verifiedTables } from './verified-tables.ts';

/** What the oracle is doing; for a line of progress. */
export type VerifyProgress =
  | {
      readonly doing: 'reading' | 'comparing';
      readonly table: string;
      readonly tablesDone: number;
      readonly tables: number;
    }
  | { readonly doing: 'waiting' }
  | { readonly doing: 'replaying'; readonly transactions: number; readonly missing: number };

export interface VerifyOptions {
  /** All tables of the database when absent. */
  readonly tables?: readonly string[];
  /** Differences that are told one by one; all are counted. */
  readonly maxDifferences: number;
  /** Waited for between the first look and the second, so that there are changes to replay. */
  wait(): Promise<void>;
  onProgress(progress: VerifyProgress): void;
  readonly signal: AbortSignal;
}

/**
 * Holds the reading of the binlog against the server's own answer: every row at one position, the binlog replayed on them up to a later one, and
 * what SELECT shows there, compared cell by cell. Finds what a reader decodes wrongly, and what the server never logged as rows
 * (`sql_log_bin = 0`, statement format, cascades). Rejects with BridgeError as the source does, `no-such-table`, or when the signal aborts.
 */
export async function verify(database: LegacyDatabase, source: ChangeSource, options: VerifyOptions): Promise<Verdict> {
  const replica = new Replica();
  try {
    const before = await verifiedTables(database, options.tables);
    const read = await firstLook(database, before, replica, options);
    options.onProgress({ doing: 'waiting' });
    await options.wait();
    return await secondLook(database, source, replica, read, options);
  } finally {
    replica.close();
  }
}

/** What the first look was at, and how many rows of each table it saw. */
interface FirstLook {
  readonly position: string;
  readonly tables: readonly VerifiedTable[];
  readonly rows: ReadonlyMap<string, number>;
}

async function firstLook(
  database: LegacyDatabase,
  tables: readonly VerifiedTable[],
  replica: Replica,
  { onProgress, signal }: VerifyOptions,
): Promise<FirstLook> {
  const view = await pinView(database, tables);
  const rows = new Map<string, number>();
  try {
    for (const table of tables) {
      signal.throwIfAborted();
      onProgress({ doing: 'reading', table: table.name, tablesDone: rows.size, tables: tables.length });
      rows.set(table.name, await copy(view.rows(table), replica, table));
    }
    return { position: view.position, tables, rows };
  } finally {
    view.close();
  }
}

async function secondLook(
  database: LegacyDatabase,
  source: ChangeSource,
  replica: Replica,
  first: FirstLook,
  options: VerifyOptions,
): Promise<Verdict> {
  const tables = await verifiedTables(database, options.tables);
  const view = await pinView(database, tables);
  const found = new Found(options.maxDifferences);
  try {
    const replay = new Replay(replica, [...first.tables, ...tables], found.report);
    await replayUpTo(source, first.position, view.position, replay, options);
    const verdicts: TableVerdict[] = [];
    for (const table of tables) {
      options.signal.throwIfAborted();
      options.onProgress({ doing: 'comparing', table: table.name, tablesDone: verdicts.length, tables: tables.length });
      const { rows, untold } = await compareTable(replica, table, view.rows(table), found.report);
      verdicts.push({
        table: table.name,
        key: table.key ?? 'none',
        rowsBefore: first.rows.get(table.name) ?? 0,
        rowsAfter: rows,
        changes: replay.changes.get(table.name) ?? 0,
        differences: found.of(table.name),
        untold,
      });
    }
    return {
      equal: found.total === 0,
      from: first.position,
      to: view.position,
      transactions: replay.transactions,
      tables: verdicts,
      differences: found.first,
      notes: replay.notes,
    };
  } finally {
    view.close();
  }
}

/** Counts all differences and keeps the first. */
class Found {
  readonly first: Difference[] = [];
  readonly #counts = new Map<string, number>();
  readonly #max: number;
  total = 0;

  constructor(max: number) {
    this.#max = max;
  }

  readonly report = (difference: Difference): void => {
    this.total += 1;
    this.#counts.set(difference.table, this.of(difference.table) + 1);
    if (this.first.length < this.#max) this.first.push(difference);
  };

  of(table: string): number {
    return this.#counts.get(table) ?? 0;
  }
}

async function replayUpTo(
  source: ChangeSource,
  from: string,
  to: string,
  replay: Replay,
  { onProgress, signal }: VerifyOptions,
): Promise<void> {
  const target = gtidSetOf(parseSourcePosition(to));
  const missingAt = (position: string) => gtidSetOf(parseSourcePosition(position)).missing(target);
  let missing = missingAt(from);
  if (missing === 0) return;
  for await (const batch of source.follow({ position: from }, signal)) {
    for (const transaction of batch) {
      replay.apply(transaction);
      missing = missingAt(transaction.position);
      if (missing === 0) return;
    }
    onProgress({ doing: 'replaying', transactions: replay.transactions, missing });
  }
  signal.throwIfAborted();
}
