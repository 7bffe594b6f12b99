import ZongJi, {
  type AnyBinlogEvent,
  type ColumnInfo,
  type ColumnSchema,
  type RowData,
  type RowsEvent,
} from '@vlasky/zongji';
import { parseSourcePosition } from '../../contract/source-position.ts';
import { BridgeError } from '../errors.ts';
import type { Cell, Row } from '../mapping/row-change.ts';
import { gtidSetOf } from '../positions/gtid.ts';
import type { ChangeSource, ResumePoint, SourceTransaction } from './change-source.ts';
import { fromBinlog } from './column-value.ts';
import { type ConnectionSettings, exactValues } from './connection-settings.ts';
import { keepLatin1Bytes, latin1Text } from './latin1.ts';
import { type BinlogEvent, TransactionAssembly } from './transaction-assembly.ts';
import { TransactionQueue } from './transaction-queue.ts';

/** The server sends a heartbeat when it has been silent for this long; three missed in a row end the connection. */
const heartbeatMs = 2_000;
const silenceMs = 3 * heartbeatMs + 4_000;
const headerBytes = 19;
const checksumBytes = 4;

/**
 * Reads the binlog over one connection, the one door to @vlasky/zongji. Throws BridgeError: `legacy-unreachable` when the connection
 * ends or stays silent, `position-not-on-server`, `another-server`, or `binlog-undecodable` at whatever the library reports
 * and would otherwise skip (compressed transactions, partial JSON, a table map it cannot read).
 */
export function binlogSource(settings: ConnectionSettings, serverId: number, onConnected: () => void): ChangeSource {
  return { follow: (from, signal) => readBinlog(settings, serverId, onConnected, from, signal) };
}

async function* readBinlog(
  settings: ConnectionSettings,
  serverId: number,
  onConnected: () => void,
  from: ResumePoint,
  signal: AbortSignal,
): AsyncGenerator<readonly SourceTransaction[], void, undefined> {
  const position = parseSourcePosition(from.position);
  const assembly = new TransactionAssembly(settings.database, gtidSetOf(position));
  const reader = new ZongJi({ ...settings, ...exactValues });
  const queue = new TransactionQueue({
    pause: () => reader.connection?.pause(),
    resume: () => reader.connection?.resume(),
  });
  const fail = (error: unknown) => queue.fail(translated(error));
  let heardAt = Date.now();

  reader.on('error', fail);
  reader.on('ready', () => {
    askForHeartbeats(reader);
    onConnected();
  });
  reader.on('binlog', (event) => {
    heardAt = Date.now();
    if (queue.ended) return;
    try {
      const known = translate(reader, event, position.kind === 'mariadb');
      const transaction = known && assembly.take(known);
      if (known?.kind === 'format') requireSameFile(from, assembly);
      if (transaction) queue.push(transaction);
    } catch (error) {
      fail(error);
    }
  });
  let lookedAt = heardAt;
  const watch = setInterval(() => {
    const now = Date.now();
    // While this process was busy with a huge transaction it could not hear: that is no silence of the server.
    if (queue.paused || now - lookedAt > 2 * heartbeatMs) heardAt = now;
    lookedAt = now;
    if (now - heardAt > silenceMs) fail(unreachable(`nothing heard for ${silenceMs} ms`));
  }, heartbeatMs);
  const abort = () => queue.end();
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    const gtidSet = position.kind === 'file' ? undefined : position.gtids;
    reader.start({
      serverId,
      ...(gtidSet === undefined ? {} : { gtidSet }),
      requestAnnotateRows: true,
      includeSchema: { [settings.database]: true },
    });
    yield* queue.batches();
  } finally {
    signal.removeEventListener('abort', abort);
    clearInterval(watch);
    queue.end();
    await closed(reader);
  }
}

/** Ends both connections of the library; it gives the server a second to confirm. */
function closed(reader: ZongJi): Promise<void> {
  return new Promise((resolve) => {
    reader.once('stopped', () => resolve());
    reader.stop();
  });
}

/** Queued before the dump command, so the server knows it when the stream begins. Both spellings: MariaDB and MySQL before 8.4, and after. */
function askForHeartbeats(reader: ZongJi): void {
  const nanoseconds = heartbeatMs * 1_000_000;
  reader.connection?.query(
    `SET @master_heartbeat_period = ${nanoseconds}, @source_heartbeat_period = ${nanoseconds}`,
    () => {},
  );
}

function requireSameFile(from: ResumePoint, assembly: TransactionAssembly): void {
  const { name, createdAt } = assembly.file;
  if (from.file?.name !== name || from.file.createdAt === createdAt) return;
  throw new BridgeError(
    'another-server',
    `binlog file ${name} was created at ${createdAt}, the stored position was taken from one created at ${from.file.createdAt}: the database was set up anew`,
  );
}

function translate(reader: ZongJi, event: AnyBinlogEvent, mariadb: boolean): BinlogEvent | undefined {
  const at = event.timestamp;
  const typed = event as AnyBinlogEvent & Record<string, never>;
  switch (event.getTypeName()) {
    case 'Rotate':
      return { kind: 'file', name: typed.binlogName };
    case 'Format':
      return { kind: 'format', at };
    case 'MariadbGtid':
      return { kind: 'begin', gtid: typed.gtid!, standalone: typed.standalone, xa: typed.preparedXa };
    case 'Gtid':
      return { kind: 'begin', gtid: typed.gtid!, standalone: true, xa: false };
    case 'AnonymousGtid':
      throw new BridgeError(
        'binlog-undecodable',
        'binlog: a transaction without a GTID; gtid_mode was not ON when it was written',
      );
    case 'AnnotateRows':
    case 'RowsQuery':
      return { kind: 'statement', sql: typed.statement };
    case 'WriteRows':
      return rowsOf(reader, event as RowsEvent, 'c');
    case 'UpdateRows':
      return rowsOf(reader, event as RowsEvent, 'u');
    case 'DeleteRows':
      return rowsOf(reader, event as RowsEvent, 'd');
    case 'Query':
      return { kind: 'query', schema: typed.schema, sql: typed.query, at };
    case 'Xid':
      return { kind: 'commit', at };
    case 'XaPrepare':
      return { kind: 'xa-prepare', at };
    case 'TransactionPayload':
    case 'PartialUpdateRows':
    case 'Unknown':
      return { kind: 'unknown', bytes: event.size };
    case 'TableMap':
      keepLatin1Bytes(reader.tableMap[typed.tableId]?.columns);
      return undefined;
    case 'Heartbeat':
    case 'PreviousGtids':
    case 'MariadbGtidList':
    case 'BinlogCheckpoint':
    case 'StartEncryption':
    case 'IntVar':
      return undefined;
    default:
      throw new BridgeError(
        'binlog-undecodable',
        `binlog: ${mariadb ? 'MariaDB' : 'MySQL'} event ${event.getTypeName()} is not known here`,
      );
  }
}

/** The library's rows event carries what its type does not tell: the bitmaps of columns that are in the images. */
interface RowImages extends RowsEvent {
  readonly rows: readonly (RowData | { before: RowData; after: RowData })[];
  readonly columns_present_bitmap: Buffer;
  readonly columns_present_bitmap2?: Buffer;
}

function rowsOf(reader: ZongJi, event: RowsEvent, op: 'c' | 'u' | 'd'): BinlogEvent {
  const images = event as RowImages;
  const entry = reader.tableMap[event.tableId];
  if (!entry?.columns)
    throw new BridgeError(
      'binlog-undecodable',
      `binlog: rows of table id ${event.tableId}, whose description was not read`,
    );
  const { columns, columnSchemas } = entry;
  const image = (row: RowData, present: Buffer) => imageOf(row, columns, columnSchemas, present);
  const first = images.columns_present_bitmap;
  const rows = images.rows.map((row) => {
    if (op === 'c') return { after: image(row as RowData, first) };
    if (op === 'd') return { before: image(row as RowData, first) };
    const { before, after } = row as { before: RowData; after: RowData };
    return { before: image(before, first), after: image(after, images.columns_present_bitmap2!) };
  });
  return { kind: 'rows', table: entry.tableName, op, pos: beginningOf(reader, event), rows, bytes: event.size };
}

/** The header tells where the event ends; `size` is that of its body. */
function beginningOf(reader: ZongJi, { nextPosition, size }: RowsEvent): number {
  const { useChecksum } = reader as ZongJi & { readonly useChecksum: boolean };
  return nextPosition - size - headerBytes - (useChecksum ? checksumBytes : 0);
}

function imageOf(row: RowData, columns: readonly ColumnInfo[], schemas: readonly ColumnSchema[], present: Buffer): Row {
  const cells: [string, Cell][] = [];
  columns.forEach((column, index) => {
    const isPresent = (present[index >> 3]! & (1 << (index & 7))) !== 0;
    const value = latin1Text(column, row[column.name]);
    if (isPresent) cells.push([column.name, fromBinlog(schemas[index]!.COLUMN_TYPE, value, column.charset !== null)]);
  });
  return Object.fromEntries(cells);
}

function unreachable(what: string, cause?: unknown): BridgeError {
  return new BridgeError('legacy-unreachable', `binlog connection: ${what}`, { cause });
}

/** Server errors that a replica gets when its position cannot be served: ER_MASTER_FATAL_ERROR_READING_BINLOG and MariaDB's GTID ones. */
const positionErrors = new Set([1236, 1945, 1955, 1789]);
/** Errors of a server that goes down, is full, or whose operator killed our connection. */
const passingErrors = new Set([1040, 1053, 1152, 1317, 1927, 2006, 2013, 3169]);

function translated(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  const { message = String(error), errno, fatal } = error as Partial<Error> & { errno?: number; fatal?: boolean };
  if (/slave with the same server/i.test(message))
    return unreachable(`another reader uses the same serverId: ${message}`, error);
  if (errno !== undefined && positionErrors.has(errno)) {
    return new BridgeError('position-not-on-server', `binlog: ${message}`, { cause: error });
  }
  if (fatal || (errno !== undefined && (errno < 0 || passingErrors.has(errno)))) return unreachable(message, error);
  return new BridgeError('binlog-undecodable', `binlog: ${message}`, { cause: error });
}
