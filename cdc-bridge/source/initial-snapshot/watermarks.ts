import { setTimeout as delay } from 'node:timers/promises';
import { BridgeError } from '../../errors.ts';
import type { LegacyDatabase, Session } from '../legacy-database.ts';

/**
 * Binlog positions around a SELECT, read by SQL: no lock, no write, no long transaction. V is what the SELECT sees.
 *
 * `low`, read before, is a lower bound: every transaction in it is in V. `high`, read after, is an upper bound: every transaction in V
 * is in it. A position read carelessly is neither, because a server writes a transaction to the binlog first and shows it to readers later
 * (with semi-synchronous replication, seconds later). docs/decisions/initial-snapshot.md has the proof.
 */
export interface Watermarks {
  low(): Promise<string>;
  high(): Promise<string>;
}

export function watermarks(database: LegacyDatabase, session: Session): Watermarks {
  return database.identity.flavour === 'mariadb' ? mariadbWatermarks(session) : mysqlWatermarks(session);
}

/** How long a commit may stand between binlog and readers before the snapshot says so; semi-synchronous replicas are waited for 10 s by default. */
const maxCommitMs = 60_000;
const commitPollMs = 2;

/**
 * MariaDB's gtid_binlog_pos runs ahead of what readers see: an upper bound as it is. It is a lower bound once the position of the last
 * commit (binlog_snapshot_file, binlog_snapshot_position), which runs behind, has reached the binlog's end as it was after.
 * https://mariadb.com/kb/en/enhancements-for-start-transaction-with-consistent-snapshot/
 */
function mariadbWatermarks(session: Session): Watermarks {
  const written = async () => {
    const [row] = await session.query('SELECT @@GLOBAL.gtid_binlog_pos AS gtids');
    return `mariadb:${row!.gtids ?? ''}`;
  };
  return {
    high: written,
    async low() {
      const position = await written();
      const end = await binlogEnd(session);
      const giveUpAt = Date.now() + maxCommitMs;
      while (isBefore(await lastCommit(session), end)) {
        if (Date.now() > giveUpAt) throw commitStuck(end);
        await delay(commitPollMs);
      }
      return position;
    },
  };
}

interface FileOffset {
  readonly file: string;
  readonly offset: number;
}

async function binlogEnd(session: Session): Promise<FileOffset> {
  const [row] = await session.query('SHOW MASTER STATUS');
  return { file: String(row!.File), offset: Number(row!.Position) };
}

async function lastCommit(session: Session): Promise<FileOffset> {
  const rows = await session.query("SHOW STATUS LIKE 'binlog_snapshot_%'");
  const value = (name: string) => rows.find((row) => String(row.Variable_name).toLowerCase() === name)?.Value;
  return { file: String(value('binlog_snapshot_file')), offset: Number(value('binlog_snapshot_position')) };
}

/** Binlog files are numbered; beyond 999999 the number grows a digit. */
function isBefore(a: FileOffset, b: FileOffset): boolean {
  if (a.file === b.file) return a.offset < b.offset;
  return a.file.length === b.file.length ? a.file < b.file : a.file.length < b.file.length;
}

function commitStuck({ file, offset }: FileOffset): BridgeError {
  return new BridgeError(
    'legacy-unreachable',
    `legacy database: a commit written to ${file} before ${offset} is not visible to readers after ${maxCommitMs} ms`,
  );
}

/**
 * MySQL adds a GTID to gtid_executed after its transaction is visible: a lower bound as it is. From before it is written to the binlog until then
 * the GTID is in gtid_owned, so both, read in this order, are an upper bound.
 */
function mysqlWatermarks(session: Session): Watermarks {
  const executed = async () => {
    const [row] = await session.query('SELECT @@GLOBAL.gtid_executed AS gtids');
    return String(row!.gtids).replace(/\s/g, '');
  };
  return {
    low: async () => `mysql:${await executed()}`,
    async high() {
      const [row] = await session.query('SELECT @@GLOBAL.gtid_owned AS owned');
      const owned = ownedGtids(String(row!.owned));
      return `mysql:${[await executed(), ...owned].filter((gtids) => gtids !== '').join(',')}`;
    },
  };
}

/** `UUID:5#12:6#13` names each GTID with the session that holds it. */
export function ownedGtids(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.replace(/\s/g, '').replace(/#\d+/g, ''))
    .filter((entry) => entry !== '');
}
