import { inflateSync } from 'node:zlib';
import { ByteCursor } from '../decoding/byte-cursor.ts';
import { undecodable } from '../decoding/undecodable.ts';
import type { QueryEvent } from './binlog-event.ts';
import { headerBytes, typeOf, writtenAt } from './event-header.ts';
import { eventType } from './event-type.ts';

const postHeaderBytes = 13;
/** EXECUTE_LOAD_QUERY says in 13 bytes more which blocks of the file it loads, and how. */
const loadHeaderBytes = 13;

/**
 * thread id u32 · seconds u32 · length of the default database u8 · error u16 · length of the status variables u16 · [LOAD DATA: 13 bytes] ·
 * status variables · default database, 0 · text, to the end; compressed in MariaDB's QUERY_COMPRESSED.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Query__event.html
 */
export function readQuery(event: Buffer, end: number): QueryEvent {
  const type = typeOf(event);
  const load = type === eventType.executeLoadQuery ? loadHeaderBytes : 0;
  const schemaBytes = event[headerBytes + 8]!;
  const schemaAt = headerBytes + postHeaderBytes + load + event.readUInt16LE(headerBytes + 11);
  const textAt = schemaAt + schemaBytes + 1;
  if (textAt > end) throw undecodable('a query event that ends too early');
  const text = event.subarray(textAt, end);
  return {
    kind: 'query',
    schema: event.toString('utf8', schemaAt, schemaAt + schemaBytes),
    sql: (type === eventType.compressedQuery ? inflated(text) : text).toString('utf8'),
    connection: event.readUInt32LE(headerBytes),
    at: writtenAt(event) * 1000,
  };
}

/**
 * MariaDB's envelope of compressed text: 0x80 | number of length bytes · length of the text, its high byte first · zlib stream.
 * sql/log_event.cc, binlog_buf_uncompress.
 */
function inflated(envelope: Buffer): Buffer {
  const cursor = new ByteCursor(envelope, 'a compressed query');
  const head = cursor.byte();
  const lengthBytes = head & 0x07;
  if ((head & 0xf0) !== 0x80 || lengthBytes < 1 || lengthBytes > 4)
    throw undecodable(`a compressed query that begins with ${head}, expected 0x81 to 0x84`);
  const length = cursor.bytes(lengthBytes).readUIntBE(0, lengthBytes);
  return inflateExactly(cursor.bytes(cursor.left), length);
}

function inflateExactly(stream: Buffer, length: number): Buffer {
  try {
    const text = inflateSync(stream, { maxOutputLength: Math.max(1, length) });
    if (text.length === length) return text;
    throw undecodable(`a compressed query of ${text.length} bytes, expected ${length}`);
  } catch (cause) {
    throw undecodable(`a compressed query: ${(cause as Error).message}`);
  }
}
