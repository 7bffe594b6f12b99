import { formatSourcePosition, type SourcePosition } from '../../contract/source-position.ts';
import { passedAt } from '../positions/gtid.ts';
import { managedBy } from '../preflight/managed.ts';
import type { LegacyDatabase } from '../source/legacy-database.ts';

/** What the server still has of its binlog, and for how long. */
export interface KeptBinlog {
  /** Everything up to here is gone; who has not read that cannot read on. Absent where the server does not tell. */
  readonly purged?: string;
  /** The names of its files, oldest first; absent where the account may not ask. */
  readonly files?: readonly string[];
  /** How old a file becomes; absent where it is kept until somebody deletes it, or where the server does not tell. */
  readonly retentionMs?: number;
}

/** How far a position is from being purged. */
export interface PurgeDistance {
  readonly isPurged: boolean;
  readonly retentionMs?: number;
  /** For how long at least what the position lacks is kept. */
  readonly leftMs?: number;
  /** How many files are purged before the one that the position is in. */
  readonly filesBefore?: number;
}

/** Where a bridge is, and how old that is. */
export interface ReadUpTo {
  readonly position: string;
  /** The binlog file of its newest transaction. */
  readonly file: string | undefined;
  /** 0 when nothing waits to be read; undefined when nobody knows. */
  readonly ageMs: number | undefined;
}

/** Below this share of the retention the operator is told. */
const alarmShare = 0.2;

/** Asks the server, for positions of this kind. */
export async function keptBinlog(database: LegacyDatabase, kind: SourcePosition['kind']): Promise<KeptBinlog> {
  const files = await binlogFiles(database);
  const variables = await globalVariables(database);
  const purged = await purgedPosition(database, kind, files?.[0]);
  const retentionMs = managedBy(variables)?.retention === undefined ? retentionOf(variables) : undefined;
  return {
    ...(purged !== undefined && { purged }),
    ...(files && { files }),
    ...(retentionMs !== undefined && { retentionMs }),
  };
}

/** How far a position is from being purged. Pure. */
export function purgeDistance(
  { purged, files, retentionMs }: KeptBinlog,
  { position, file, ageMs }: ReadUpTo,
): PurgeDistance {
  const filesBefore = file === undefined ? -1 : (files?.indexOf(file) ?? -1);
  return {
    isPurged: purged !== undefined && !passedAt(position).covers(passedAt(purged)),
    ...(retentionMs !== undefined && { retentionMs }),
    ...(retentionMs !== undefined && ageMs !== undefined && { leftMs: Math.max(0, retentionMs - ageMs) }),
    ...(filesBefore >= 0 && { filesBefore }),
  };
}

/** Whether somebody has to look: it is gone, or soon will be. */
export function isAlarming({ isPurged, retentionMs, leftMs }: PurgeDistance): boolean {
  if (isPurged) return true;
  return retentionMs !== undefined && leftMs !== undefined && leftMs < retentionMs * alarmShare;
}

/** How long the server keeps a binlog file by itself; undefined is for ever. */
export function retentionOf(variables: ReadonlyMap<string, string>): number | undefined {
  const seconds =
    Number(variables.get('binlog_expire_logs_seconds') ?? 0) || Number(variables.get('expire_logs_days') ?? 0) * 86_400;
  return seconds === 0 ? undefined : seconds * 1_000;
}

async function globalVariables(database: LegacyDatabase): Promise<Map<string, string>> {
  const rows = await database.query('SHOW GLOBAL VARIABLES');
  return new Map(rows.map((row) => [String(row.Variable_name), String(row.Value)]));
}

/** MySQL shows them to accounts with REPLICATION CLIENT only. */
async function binlogFiles(database: LegacyDatabase): Promise<string[] | undefined> {
  const rows = await database.query('SHOW BINARY LOGS').catch((error: { code?: string }) => {
    if (error.code !== 'ER_SPECIFIC_ACCESS_DENIED_ERROR') throw error;
    return undefined;
  });
  return rows?.map((row) => String(row.Log_name));
}

/** Events of a binlog file begin behind its magic number. */
const beginning = 4;

async function purgedPosition(
  database: LegacyDatabase,
  kind: SourcePosition['kind'],
  oldest: string | undefined,
): Promise<string | undefined> {
  if (kind === 'mysql') {
    const [row] = await database.query('SELECT @@GLOBAL.gtid_purged AS gtids');
    return formatSourcePosition({ kind, gtids: String(row!.gtids).replace(/\s/g, '') });
  }
  if (oldest === undefined) return undefined;
  if (kind === 'file')
    return formatSourcePosition({ kind, server: database.identity.id, file: oldest, offset: beginning });
  const [row] = await database.query('SELECT BINLOG_GTID_POS(?, ?) AS gtids', [oldest, beginning]);
  return formatSourcePosition({ kind, gtids: String(row!.gtids ?? '') });
}
