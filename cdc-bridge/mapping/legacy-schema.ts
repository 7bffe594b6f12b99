/** A column of the legacy database; `members` of an ENUM. */
export interface LegacyColumn {
  readonly name: string;
  /** `varchar` */
  readonly type: string;
  readonly members: readonly string[];
}

/** A table of the legacy database. */
export interface LegacyTable {
  readonly name: string;
  readonly columns: readonly LegacyColumn[];
  /** Columns of the primary key; empty where there is none. */
  readonly key: readonly string[];
  /** Foreign keys, column by column. */
  readonly references: readonly { readonly column: string; readonly table: string }[];
}

/** The tables of the legacy database, in the order of their names. */
export type LegacySchema = readonly LegacyTable[];
