import type { DatabaseConfig } from '../../cdc-bridge/config.ts';
import { compareTable } from '../../cdc-bridge/oracle/compare-table.ts';
import type { Difference, Note } from '../../cdc-bridge/oracle/difference.ts';
import { copy, readPlainly, tableRows } from '../../cdc-bridge/oracle/pinned-view.ts';
import { Replay } from '../../cdc-bridge/oracle/replay.ts';
import { Replica } from '../../cdc-bridge/oracle/replica.ts';
import { type VerifiedTable, verifiedTables } from '../../cdc-bridge/oracle/verified-tables.ts';
import { gtidSetOf } from '../../cdc-bridge/positions/gtid.ts';
import { binlogSource } from '../../cdc-bridge/source/binlog/binlog-source.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { connectionSettings } from '../../cdc-bridge/source/connection-settings.ts';
import { LegacyDatabase, type Session } from '../../cdc-bridge/source/legacy-database.ts';
import { parseSourcePosition } from '../../contract/source-position.ts';

/** What was held against SELECT. */
export interface Checked {
  transactions: number;
  changes: number;
  tables: number;
  rows: number;
  cells: number;
  /** Differences that the binlog announces: statements logged as text, cascades, DDL out of sight. */
  announced: number;
}

/** A database whose binlog is replayed beside it, and compared whenever it rests: the oracle for a script that drops what it has made. */
export class FollowedDatabase {
  readonly differences: Difference[] = [];
  readonly checked: Checked = { transactions: 0, changes: 0, tables: 0, rows: 0, cells: 0, announced: 0 };
  readonly #database: LegacyDatabase;
  readonly #session: Session;
  readonly #following: AsyncIterator<readonly SourceTransaction[]>;
  readonly #stop: AbortController;
  #position: string;
  #replica = new Replica();
  #tables: readonly VerifiedTable[] = [];
  #replay: Replay | undefined;

  private constructor(database: LegacyDatabase, session: Session, position: string, config: DatabaseConfig) {
    this.#database = database;
    this.#session = session;
    this.#position = position;
    this.#stop = new AbortController();
    const source = binlogSource(database, config, () => {});
    this.#following = source.follow({ position }, this.#stop.signal)[Symbol.asyncIterator]();
  }

  static async open(config: DatabaseConfig): Promise<FollowedDatabase> {
    const database = await LegacyDatabase.connect(connectionSettings(config));
    const session = await database.session();
    await readPlainly(session);
    return new FollowedDatabase(database, session, await database.head(), config);
  }

  /** Whether rows are replayed on what was looked at. */
  get isFollowed(): boolean {
    return this.#replay !== undefined;
  }

  /** Looks at all tables, so that what is written from now on is replayed on them. Nobody else may write meanwhile. */
  async look(): Promise<void> {
    await this.#readUpToHead();
    this.#replica.close();
    this.#replica = new Replica();
    this.#tables = await verifiedTables(this.#database);
    for (const table of this.#tables) await copy(tableRows(this.#session, table), this.#replica, table);
    this.#replay = new Replay(this.#replica, this.#tables, (difference) => this.#found.push(difference));
  }

  #found: Difference[] = [];

  /** Replays what was written since the look and compares every cell. Nobody else may write meanwhile. */
  async compare(): Promise<void> {
    const replay = this.#replay!;
    await this.#readUpToHead();
    this.#replay = undefined;
    for (const table of this.#tables) await this.#compareTable(table);
    await this.#judge(replay.notes);
    this.checked.transactions += replay.transactions;
    for (const changes of replay.changes.values()) this.checked.changes += changes;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following.return?.();
    this.#session.close();
    this.#replica.close();
    await this.#database.close();
  }

  async #compareTable(table: VerifiedTable): Promise<void> {
    const rows = tableRows(this.#session, table);
    const compared = await compareTable(this.#replica, table, rows, (difference) => this.#found.push(difference));
    this.checked.tables += 1;
    this.checked.rows += compared.rows;
    this.checked.cells += compared.rows * table.columns.length - compared.untold;
  }

  async #judge(notes: readonly Note[]): Promise<void> {
    const found = this.#found;
    this.#found = [];
    if (found.length === 0) return;
    const excused = new Set([...(await this.#cascadedInto()), ...notes.flatMap(({ tables }) => tables ?? [])]);
    const allExcused = notes.some(({ kind, tables }) => kind === 'schema-change' || tables === undefined);
    for (const difference of found) {
      if (allExcused || excused.has(difference.table)) this.checked.announced += 1;
      else this.differences.push(difference);
    }
  }

  async #cascadedInto(): Promise<string[]> {
    const rows = await this.#database.query(
      `SELECT TABLE_NAME AS child FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ?
          AND (DELETE_RULE NOT IN ('RESTRICT', 'NO ACTION') OR UPDATE_RULE NOT IN ('RESTRICT', 'NO ACTION'))`,
      [this.#database.name],
    );
    return rows.map(({ child }) => String(child));
  }

  async #readUpToHead(): Promise<void> {
    const target = gtidSetOf(parseSourcePosition(await this.#database.head()));
    while (gtidSetOf(parseSourcePosition(this.#position)).missing(target) > 0) {
      const { value: batch = [] } = await this.#following.next();
      for (const transaction of batch as readonly SourceTransaction[]) {
        this.#replay?.apply(transaction);
        this.#position = transaction.position;
      }
      if (batch.length === 0) throw new Error('the source ended');
    }
  }
}
