import { ByteCursor } from './byte-cursor.ts';
import { eventRows } from './cells/compressed.ts';
import { undecodable } from './undecodable.ts';

/** What a rows event does with its rows. */
export type RowsKind = 'write' | 'update' | 'delete' | 'partial-update';

/** A rows event taken apart; its images begin at `from` of `bytes` and go to their end. */
export interface RowsEvent {
  readonly kind: RowsKind;
  /** One bit a column of the table, the low bit first: those in the image, or of an update in the image before. */
  readonly present: Buffer;
  /** Of an update: those in the image after. */
  readonly presentAfter: Buffer | undefined;
  readonly bytes: Buffer;
  readonly from: number;
}

interface Layout {
  readonly kind: RowsKind;
  /** Since version 2 extra data (partitions, NDB) stands behind the flags, with its length, the two bytes of that included. */
  readonly hasExtra: boolean;
  readonly compressed: boolean;
}

const layouts = new Map<number, Layout>();
const operations = ['write', 'update', 'delete'] as const;
operations.forEach((kind, place) => {
  layouts.set(23 + place, { kind, hasExtra: false, compressed: false });
  layouts.set(30 + place, { kind, hasExtra: true, compressed: false });
  layouts.set(166 + place, { kind, hasExtra: false, compressed: true });
  layouts.set(169 + place, { kind, hasExtra: true, compressed: true });
});
layouts.set(39, { kind: 'partial-update', hasExtra: true, compressed: false });

/**
 * Reads what stands before the rows:
 *
 *     6 table id · 2 flags · version 2: 2 length, extra data · packed count of columns · bits of those present · of an update: bits for after
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Rows__event.html; MariaDB's compressed ones: the rows
 * alone are compressed. Throws BridgeError `binlog-undecodable`.
 */
export function parseRowsEvent(eventType: number, body: Buffer, table: string, columnCount: number): RowsEvent {
  const layout = layouts.get(eventType);
  if (!layout) throw undecodable(`event type ${eventType} is no rows event that is known here`);
  const { kind, hasExtra, compressed } = layout;
  const cursor = new ByteCursor(body, `an event of rows of ${table}`);
  cursor.skip(8);
  if (hasExtra) cursor.skip(Math.max(cursor.uint16() - 2, 0));
  const count = cursor.packed();
  if (count !== columnCount)
    throw undecodable(`rows of ${table} have ${count} columns, the table's map before them has ${columnCount}`);
  const present = cursor.bytes((count + 7) >> 3);
  const presentAfter = kind === 'update' || kind === 'partial-update' ? cursor.bytes((count + 7) >> 3) : undefined;
  if (!compressed) return { kind, present, presentAfter, bytes: body, from: cursor.at };
  return { kind, present, presentAfter, bytes: inflatedRows(body.subarray(cursor.at), table), from: 0 };
}

function inflatedRows(bytes: Buffer, table: string): Buffer {
  try {
    return eventRows(bytes);
  } catch (error) {
    throw undecodable(`compressed rows of ${table} cannot be inflated: ${(error as Error).message}`);
  }
}
