import { inflateRawSync, inflateSync } from 'node:zlib';

/** The longest value of a column. */
const maxBytes = 2 ** 32 - 1;

/**
 * The value of a COMPRESSED column of MariaDB: 4 bits method (0 stored, 8 zlib) · 1 bit without zlib's header · 3 bits length of the length ·
 * length of the value, the high byte first · bytes. Nothing for the empty value. MariaDB: sql/field_comp.cc. Throws for bytes that are not that.
 */
export function columnValue(bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  const header = bytes[0]!;
  const method = header >> 4;
  if (method === 0) return bytes.subarray(1);
  if (method !== 8) throw new Error(`compressed by method ${method}`);
  const body = 1 + (header & 7);
  return inflated(bytes.subarray(body), bytes.readUIntBE(1, header & 7), (header & 8) !== 0);
}

/**
 * The rows of a compressed rows event of MariaDB: 1 bit set · 3 bits algorithm (0 is zlib) · 1 unused · 3 bits length of the length · length,
 * the high byte first · zlib. MariaDB: sql/log_event.cc, binlog_buf_uncompress. Throws for bytes that are not that.
 */
export function eventRows(bytes: Buffer): Buffer {
  const header = bytes[0] ?? 0;
  const lengthBytes = header & 7;
  if ((header & 0xf0) !== 0x80 || lengthBytes < 1 || lengthBytes > 4) throw new Error(`a header of ${header}`);
  return inflated(bytes.subarray(1 + lengthBytes), bytes.readUIntBE(1, lengthBytes), false);
}

function inflated(bytes: Buffer, length: number, raw: boolean): Buffer {
  if (length > maxBytes) throw new Error(`a length of ${length}`);
  const value = (raw ? inflateRawSync : inflateSync)(bytes, { maxOutputLength: Math.max(length, 1) });
  if (value.length !== length) throw new Error(`found ${value.length} bytes, expected ${length}`);
  return value;
}
