import { basename } from 'node:path';
import { BridgeError } from '../../cdc-bridge/errors.ts';
import { type Row, Unreadable } from '../../cdc-bridge/mapping/row-change.ts';
import { openBinlogFile } from '../../cdc-bridge/source/binlog/binlog-file.ts';
import type { TableDecoder } from '../../cdc-bridge/source/binlog/decoding/table-decoder.ts';
import { TableDecoders } from '../../cdc-bridge/source/binlog/decoding/table-decoders.ts';
import { noHints } from '../../cdc-bridge/source/binlog/decoding/table-hints.ts';
import type { Flavour } from '../../cdc-bridge/source/binlog/decoding/table-map.ts';
import { StaleHints } from '../../cdc-bridge/source/binlog/decoding/undecodable.ts';
import type { BinlogEventStream } from '../../cdc-bridge/source/binlog/event-stream.ts';
import { EventReader } from '../../cdc-bridge/source/binlog/events/event-reader.ts';
import { pieceLimits } from '../../cdc-bridge/source/binlog/transactions/transaction-assembly.ts';
import { transactionsOf } from '../../cdc-bridge/source/binlog/transactions/transactions-of.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { numberedHints } from './numbered-hints.ts';

/** What one binlog file held for one database. */
export interface Read {
  readonly database: string;
  transactions: number;
  rows: number;
  cells: number;
  /** Cells that say themselves that they cannot be told. */
  unreadable: number;
  /** Writes that are logged as their statement, and tables that were emptied. */
  unread: number;
  /** The BridgeError that ended the reading. */
  stopped?: string;
}

/** A recorded file: the server that wrote it, and what each database that has rows in it came to. */
export interface ReadFile {
  readonly server: string;
  readonly databases: readonly Read[];
}

const request = { maxEventBytes: 2 ** 30 };

/** Reads a binlog file of any server to its end, once for each database in it. Only BridgeErrors are results: another error is thrown. */
export async function readRecorded(path: string): Promise<ReadFile> {
  const { server, names } = await databasesIn(path);
  const databases: Read[] = [];
  for (const database of names) databases.push(await readDatabase(path, database));
  return { server, databases };
}

/** The databases that tables or statements are of; a file that tells none is read as that of a database that it does not have. */
async function databasesIn(path: string): Promise<{ server: string; names: readonly string[] }> {
  const names = new Set<string>();
  const stream = await openBinlogFile(path, request);
  const reader = new EventReader({ file: fileOf(path), checksums: false, ...request });
  try {
    for await (const events of stream.batches())
      for (const bytes of events) {
        const event = reader.read(bytes);
        for (const each of event.kind === 'compressed' ? event.events : [event]) {
          if (each.kind === 'table') names.add(schemaOf(each.body));
          if (each.kind === 'query' && each.schema !== '') names.add(each.schema);
        }
      }
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
  }
  return { server: stream.server.version, names: names.size > 0 ? [...names] : [''] };
}

const fileOf = (path: string) => ({ name: basename(path), offset: 4 });
const schemaOf = (body: Buffer) => body.toString('utf8', 9, 9 + body[8]!);

async function readDatabase(path: string, database: string): Promise<Read> {
  const read: Read = { database, transactions: 0, rows: 0, cells: 0, unreadable: 0, unread: 0 };
  try {
    for await (const batch of transactions(await openBinlogFile(path, request), path, database))
      for (const transaction of batch) count(transaction, read);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    read.stopped = `${error.code}: ${error.message}`;
  }
  return read;
}

function transactions(stream: BinlogEventStream, path: string, database: string) {
  const { flavour } = stream.server;
  const complete = new TableDecoders(noHints, flavour);
  return transactionsOf(stream, {
    database,
    file: fileOf(path),
    decoderFor: (map) => decoderOf(complete, map, flavour),
    staysOnRollback: () => undefined,
    undecodable: 'stop',
    limits: { ...pieceLimits, maxHeldBytes: 2 ** 26 },
    ...request,
    reload: async () => {},
  });
}

/** Where the map does not tell enough, as though the catalogue had. */
function decoderOf(complete: TableDecoders, map: Buffer, flavour: Flavour): TableDecoder {
  try {
    return complete.for(map);
  } catch (error) {
    if (!(error instanceof StaleHints)) throw error;
    return new TableDecoders(numberedHints(map, flavour), flavour).for(map);
  }
}

function count({ rows, unread, position }: SourceTransaction, read: Read): void {
  if (position === '') throw new Error('a transaction without a position');
  read.transactions += 1;
  read.unread += unread.length;
  read.rows += rows.length;
  for (const { before, after } of rows) {
    look(before, read);
    look(after, read);
  }
}

function look(row: Row | undefined, read: Read): void {
  for (const cell of Object.values(row ?? {})) {
    read.cells += 1;
    if (cell instanceof Unreadable) read.unreadable += 1;
  }
}
