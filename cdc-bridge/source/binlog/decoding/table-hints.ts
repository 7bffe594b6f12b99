/** What information_schema tells of a column. */
export interface ColumnHint {
  readonly name: string;
  /** `varchar` */
  readonly dataType: string;
  /** `varchar(40)`, for messages. */
  readonly columnType: string;
  /** Undefined for bytes and for what is no text. */
  readonly charset: string | undefined;
  readonly octets: number | undefined;
  readonly precision: number | undefined;
  readonly scale: number | undefined;
  readonly secondDigits: number | undefined;
  readonly unsigned: boolean;
  readonly members: readonly string[] | undefined;
  readonly address: 'uuid' | 'inet4' | 'inet6' | undefined;
}

/** Tables as they are now, for what their maps in the binlog do not tell. */
export interface TableHints {
  /** In the order of the columns; undefined for a table that is not there. */
  of(schema: string, table: string): readonly ColumnHint[] | undefined;
  /** Whether the server has UUID, INET4 and INET6, which look like bytes in the binlog. */
  readonly knowsAddresses: boolean;
  /** Another number each time the tables were loaded anew. */
  readonly generation: number;
}

/** For binlogs whose maps tell all that is needed. */
export const noHints: TableHints = { of: () => undefined, knowsAddresses: false, generation: 0 };
