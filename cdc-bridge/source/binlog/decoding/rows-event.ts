import { ByteCursor } from './byte-cursor.ts';
import { eventRows } from './cells/compressed.ts';
import { undecodable } from './undecodable.ts';

/** What a rows event does with its rows. */
export type RowsKind = 'write' | 'update' | 'delete' | 'partial-update';

/** A rows event taken apart; its images begin at `from` of `bytes` and go to their end. */
export interface RowsEvent {
  readonly kind: RowsKind;
  /** Where in the body the bits of the columns stand that are in the image, of an update in the image before; one a column, the low bit first. */
  readonly present: number;
  /** The same of the image after; undefined where the event is no update. */
  readonly presentAfter: number | undefined;
  readonly bytes: Buffer;
  readonly from: number;
}

interface Layout {
  readonly kind: RowsKind;
  /** Since version 2 extra data (partitions, NDB) stands behind the flags, with its length, the two bytes of that included. */
  readonly hasExtra: boolean;
  readonly compressed: boolean;
}

/** Layout by event type. */
const layouts: (Layout | undefined)[] = [];
const operations = ['write', 'update', 'delete'] as const;
for (const [place, kind] of operations.entries()) {
  layouts[23 + place] = { kind, hasExtra: false, compressed: false };
  layouts[30 + place] = { kind, hasExtra: true, compressed: false };
  layouts[166 + place] = { kind, hasExtra: false, compressed: true };
  layouts[169 + place] = { kind, hasExtra: true, compressed: true };
}
layouts[39] = { kind: 'partial-update', hasExtra: true, compressed: false };

/**
 * Reads what stands before the rows:
 *
 *     6 table id · 2 flags · version 2: 2 length, extra data · packed count of columns · bits of those present · of an update: bits for after
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Rows__event.html; MariaDB's compressed ones: the rows
 * alone are compressed. Throws BridgeError `binlog-undecodable`.
 */
export function parseRowsEvent(eventType: number, body: Buffer, table: string, columnCount: number): RowsEvent {
  const layout = layouts[eventType];
  if (!layout) throw undecodable(`event type ${eventType} is no rows event that is known here`);
  const { kind, hasExtra, compressed } = layout;
  const cursor = new ByteCursor(body, `an event of rows of ${table}`);
  cursor.skip(8);
  if (hasExtra) cursor.skip(Math.max(cursor.uint16() - 2, 0));
  const count = cursor.packed();
  if (count !== columnCount)
    throw undecodable(`rows of ${table} have ${count} columns, the table's map before them has ${columnCount}`);
  const present = cursor.at;
  cursor.skip((count + 7) >> 3);
  const isUpdate = kind === 'update' || kind === 'partial-update';
  const presentAfter = isUpdate ? cursor.at : undefined;
  if (isUpdate) cursor.skip((count + 7) >> 3);
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
