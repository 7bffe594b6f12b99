import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { RowImages, TableDecoder } from '../../cdc-bridge/source/binlog/decoding/table-decoder.ts';
import { TableDecoders } from '../../cdc-bridge/source/binlog/decoding/table-decoders.ts';
import { noHints, type TableHints } from '../../cdc-bridge/source/binlog/decoding/table-hints.ts';
import type { Flavour } from '../../cdc-bridge/source/binlog/decoding/table-map.ts';
import { Catalogue } from '../../cdc-bridge/source/catalogue.ts';
import type { Legacy } from './legacy.ts';

/** An event as it stands in the binlog file, without its header and checksum. */
export interface WrittenEvent {
  readonly type: number;
  readonly body: Buffer;
}

const headerBytes = 19;
const checksumBytes = 4;
const tableMap = 19;

/** The events that `write` puts into the server's binlog, read from the file on disk; rows of other databases of the server are not among them. */
export async function eventsOf(legacy: Legacy, write: () => Promise<unknown>): Promise<WrittenEvent[]> {
  const from = await binlogEnd(legacy);
  await write();
  const to = await binlogEnd(legacy);
  if (to.file !== from.file) throw new Error(`the binlog went on from ${from.file} to ${to.file} in between`);
  const [folder] = await legacy.run('SELECT @@GLOBAL.log_bin_basename AS path');
  return ofDatabase(legacy.name, eventsIn(readPart(join(folder!.path, '..', from.file), from.offset, to.offset)));
}

/** Other suites write to the server at the same time. A table map is: id, 6 bytes · flags, 2 · length of the database's name · the name. */
function ofDatabase(name: string, events: readonly WrittenEvent[]): WrittenEvent[] {
  const own = new Set<number>();
  return events.filter(({ type, body }) => {
    if (type !== tableMap && !isRows(type)) return true;
    const table = body.readUIntLE(0, 6);
    const nameAt = 9;
    if (type === tableMap && body.toString('utf8', nameAt, nameAt + body[nameAt - 1]!) === name) own.add(table);
    else if (type === tableMap) own.delete(table);
    return own.has(table);
  });
}

async function binlogEnd(legacy: Legacy): Promise<{ file: string; offset: number }> {
  const statement = legacy.flavour === 'mariadb' ? 'SHOW MASTER STATUS' : 'SHOW BINARY LOG STATUS';
  const [row] = await legacy.run(statement);
  return { file: row!.File, offset: Number(row!.Position) };
}

function readPart(path: string, from: number, to: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(Math.min(to, fstatSync(file).size) - from);
    readSync(file, bytes, 0, bytes.length, from);
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** Takes the bytes of a binlog apart, checksums being on. */
export function eventsIn(bytes: Buffer): WrittenEvent[] {
  const events: WrittenEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 9);
    events.push({ type: bytes[at + 4]!, body: bytes.subarray(at + headerBytes, at + length - checksumBytes) });
    at += length;
  }
  return events;
}

/** Rows of one table with the decoder that read them. */
export interface DecodedRows {
  readonly decoder: TableDecoder;
  readonly rows: RowImages[];
}

const isRows = (type: number) => (type >= 23 && type <= 25) || (type >= 30 && type <= 32) || type === 39 || type >= 166;

/** All rows in the events, read with the maps before them. `flavour` is that of the server. */
export function decodeEvents(
  events: readonly WrittenEvent[],
  flavour: Flavour,
  hints: TableHints = noHints,
): DecodedRows {
  const decoders = new TableDecoders(hints, flavour);
  let decoder: TableDecoder | undefined;
  let found: TableDecoder | undefined;
  const rows: RowImages[] = [];
  for (const { type, body } of events) {
    if (type === tableMap) decoder = decoders.for(body);
    if (!isRows(type) || !decoder) continue;
    found = decoder;
    rows.push(...decoder.rows(type, body));
  }
  if (!found) throw new Error('found no rows event');
  return { decoder: found, rows };
}

/** The catalogue of the test's database as it is now. */
export function catalogueOf(legacy: Legacy): Promise<Catalogue> {
  const { name, flavour, run } = legacy;
  return Catalogue.load({ name, identity: { flavour }, query: (sql, values) => run(sql, [...(values ?? [])]) });
}
