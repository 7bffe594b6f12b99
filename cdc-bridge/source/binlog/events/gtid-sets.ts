import { ByteCursor } from '../decoding/byte-cursor.ts';
import { undecodable } from '../decoding/undecodable.ts';
import { headerBytes } from './event-header.ts';
import { requireTag, uuidText } from './gtid-event.ts';

/** MariaDB's GTID_LIST: count u32, of which the four highest bits are flags · per GTID: domain u32, server u32, sequence number u64. */
export function readGtidList(event: Buffer, end: number): string {
  const count = event.readUInt32LE(headerBytes) & 0x0fffffff;
  if (headerBytes + 4 + count * 16 > end) throw undecodable(`a list of ${count} GTIDs that ends too early`);
  return Array.from({ length: count }, (_, index) => {
    const at = headerBytes + 4 + index * 16;
    return `${event.readUInt32LE(at)}-${event.readUInt32LE(at + 4)}-${event.readBigUInt64LE(at + 8)}`;
  }).join(',');
}

/**
 * MySQL's PREVIOUS_GTIDS: number of sources u64 · per source: UUID, number of intervals u64, per interval its first number and the one after
 * its last, u64 each. With tags (the highest byte of the first number is 1, the count stands in its middle six) the UUID is followed by the
 * tag: twice its length u8, its letters. sql/rpl_gtid_set.cc, Gtid_set::encode.
 */
export function readPreviousGtids(event: Buffer, end: number): string {
  const set = new ByteCursor(event, 'a GTID set', headerBytes, end);
  const head = set.bytes(8).readBigUInt64LE(0);
  const form = head >> 56n;
  if (form > 1n) throw undecodable(`a GTID set of form ${form}, expected 0 or 1`);
  const sources = Number(form === 1n ? (head >> 8n) & 0xffff_ffff_ffffn : head);
  const entries: string[] = [];
  for (let index = 0; index < sources; index++) {
    const uuid = uuidText(set.bytes(16));
    const tag = form === 1n ? requireTag(set.bytes(set.byte() >> 1).toString('latin1'), '') : '';
    const intervals = readIntervals(set);
    if (intervals.length > 0) entries.push([uuid, ...(tag === '' ? [] : [tag]), ...intervals].join(':'));
  }
  return entries.join(',');
}

function readIntervals(set: ByteCursor): string[] {
  const count = Number(set.bytes(8).readBigUInt64LE(0));
  const intervals: string[] = [];
  for (let index = 0; index < count; index++) {
    const both = set.bytes(16);
    const [first, next] = [both.readBigUInt64LE(0), both.readBigUInt64LE(8)];
    if (first < 1n || next <= first) throw undecodable(`transactions from ${first} to before ${next} in a GTID set`);
    intervals.push(`${first}-${next - 1n}`);
  }
  return intervals;
}
