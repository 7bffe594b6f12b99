import { z } from 'zod';
import { parseSourcePosition } from '../../contract/source-position.ts';
import { BridgeError } from '../errors.ts';
import { gtidSetOf } from './gtid.ts';

const serverIdentity = z.object({
  flavour: z.enum(['mariadb', 'mysql']),
  /** MySQL's server_uuid, MariaDB's server_id. */
  id: z.string(),
});

/** A binlog file by name and by the second it was created: a server set up anew repeats the name but not the time. */
const binlogFile = z.object({ name: z.string(), createdAt: z.string() });

/** Offset of the next message to read, by `TOPIC/PARTITION`. */
const kafkaOffsets = z.record(z.string(), z.int().nonnegative());

const streamPosition = z.strictObject({
  phase: z.literal('streaming'),
  /** Everything up to here is on the log. */
  position: z.string(),
  /** Tables whose rows of before are on the log, or were passed over on purpose. */
  imported: z.array(z.string()),
  /** The table being imported, and the last place in its key order that is on the log. */
  current: z.object({ table: z.string(), after: z.array(z.union([z.string(), z.number()])) }).optional(),
  /** Imported tables of whose rows the log has kept what it was told, from the first on. */
  known: z.array(z.string()).optional(),
  /** The last request for a snapshot for which the binlog up to its head was given up. */
  skippedFor: z.string().optional(),
  file: binlogFile.optional(),
  /** When the newest transaction up to there was committed. */
  committedAt: z.string().optional(),
  /** The transaction behind `position` that is on the log in part: it came in pieces, and not all have come. */
  unfinished: z.string().optional(),
  /** Where reading begins when that is before `position`: see ResumePoint. */
  resume: z.string().optional(),
  /** Where the topics of a Debezium are read on from; there when they are the source. */
  kafka: kafkaOffsets.optional(),
  /** Requests that may still go on: see mapping/request-groups.ts. */
  groups: z.array(z.tuple([z.string(), z.string(), z.number()])).optional(),
});

const cursorSchema = z.object({
  format: z.literal(1),
  server: serverIdentity,
  progress: streamPosition,
});

export type ServerIdentity = z.infer<typeof serverIdentity>;
export type BinlogFile = z.infer<typeof binlogFile>;
export type KafkaOffsets = Readonly<z.infer<typeof kafkaOffsets>>;
export type StreamPosition = z.infer<typeof streamPosition>;
/** Where the bridge is, with the server that this is true of. Stored by the log in the same step as the events it covers. */
export type BridgeCursor = z.infer<typeof cursorSchema>;

export function cursorName(bridge: string): string {
  return `bridge:${bridge}`;
}

export function formatCursor(cursor: BridgeCursor): string {
  return JSON.stringify(cursor);
}

/** Throws BridgeError `cursor-unreadable` saying what was found. */
export function parseCursor(text: string): BridgeCursor {
  try {
    return cursorSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BridgeError('cursor-unreadable', `stored bridge position: found ${text.slice(0, 200)}`, { cause });
  }
}

/** Refuses a database that is not the one the position was taken from. */
export function requireSameServer(stored: ServerIdentity, found: ServerIdentity): void {
  if (stored.flavour === found.flavour && stored.id === found.id) return;
  throw new BridgeError(
    'another-server',
    `the stored position belongs to ${stored.flavour} server ${stored.id}, the database in the configuration is ${found.flavour} server ${found.id}; where one replicates from the other, declare both ids in legacy.database.servers`,
  );
}

/** Refuses to read on from the other kind of source: what was given so far tells nothing of where that one would go on. */
export function requireSameSource({ progress }: BridgeCursor, source: 'binlog' | 'topics'): void {
  const stored = progress.kafka === undefined ? 'binlog' : 'topics';
  if (stored === source) return;
  const named = { binlog: 'the binlog', topics: 'the topics of a Debezium' };
  throw new BridgeError(
    'source-changed',
    `the stored position was reached by reading ${named[stored]}, the configuration says to read ${named[source]}`,
  );
}

/** Refuses a server whose binlog ends before the stored position, as a restored backup's does: its next transactions would pass for known ones. */
export function requireHeadAtOrAfter(head: string, { progress }: BridgeCursor): void {
  const { position } = progress;
  if (gtidSetOf(parseSourcePosition(head)).covers(gtidSetOf(parseSourcePosition(position)))) return;
  throw new BridgeError(
    'position-not-on-server',
    `the stored position is ${position}, but the server's binlog ends at ${head}: it was reset or restored from a backup`,
  );
}
