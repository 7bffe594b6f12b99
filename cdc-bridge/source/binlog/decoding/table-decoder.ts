import type { Row } from '../../../mapping/row-change.ts';

/** One column as the table map, and where that is silent the catalogue, describes it. */
export interface Column {
  readonly name: string;
  /** Type code of the row format, the real one: 247 for ENUM and 248 for SET, which the map hides behind STRING. */
  readonly type: number;
  /** The 16 bits that describe the type further: lengths, precision and scale, digits of a second; 0 where there is nothing to say. */
  readonly metadata: number;
  readonly nullable: boolean;
  readonly unsigned: boolean;
  /** `binary` for bytes; undefined for what is neither text nor bytes. */
  readonly charset?: string;
  /** Of ENUM and SET, in order. */
  readonly members?: readonly string[];
  /** What only the catalogue can tell of MariaDB's fixed bytes; `unknown` where it cannot either, so that cells are unreadable. */
  readonly address?: 'uuid' | 'inet4' | 'inet6' | 'unknown';
  /** MariaDB's temporal formats from before 10.1: digits of the fraction of a second. */
  readonly oldSecondDigits?: number;
  /** MariaDB's VECTOR, which stands in the binlog as VARBINARY. */
  readonly isVector?: true;
  /** YEAR(2), of which SELECT shows two digits. */
  readonly isTwoDigitYear?: true;
  /** The server's own, which no statement can name: it is in the image and not in the row. */
  readonly isInternal?: true;
  /** False for INVISIBLE ones, which `SELECT *` leaves out; true where the map does not tell. */
  readonly visible: boolean;
}

/** One row of a rows event: `after` of an insert, `before` of a delete, both of an update. Each is decoded when first asked for, and kept. */
export interface RowImages {
  readonly before?: Row;
  readonly after?: Row;
  /** The same as the text of a JSON object, spelled as Debezium's connectors do (debezium-json.ts); written each time it is asked for. */
  readonly beforeJson?: string;
  readonly afterJson?: string;
}

/** Reads the rows of one table as it was when the map was written. */
export interface TableDecoder {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly Column[];
  /** Columns of the primary key in its order; undefined where the map does not tell. */
  readonly primaryKey: readonly string[] | undefined;
  /**
   * `body` is the event after its 19-byte header, checksum cut off; types 23–25, 30–32, 39 (partial JSON) and MariaDB's compressed 166–171.
   * The rows keep the body alive. Throws BridgeError `binlog-undecodable` when the body's parts do not fit each other, at once and not lazily.
   */
  rows(eventType: number, body: Buffer): readonly RowImages[];
}
