import { type ColumnTypes, describedType } from './column-type.ts';
import type { RecordSource, SchemaRecord } from './record.ts';

/** Asks the legacy database itself for the columns of a table; undefined when it has no such table. */
export type AskColumns = (table: string) => Promise<ColumnTypes | undefined>;

interface Version {
  readonly from: Pick<RecordSource, 'file' | 'pos'>;
  readonly columns: ColumnTypes;
}

/**
 * The declared types of columns, which Debezium's values do not tell: as they were when a row was written, out of the schema changes that the connector
 * published; for a table that it did not describe, as they are now in the legacy database.
 */
export class TableTypes {
  readonly #versions = new Map<string, Version[]>();
  readonly #asked = new Map<string, ColumnTypes | undefined>();
  readonly #ask: AskColumns;

  constructor(ask: AskColumns) {
    this.#ask = ask;
  }

  /** A repeat after a crash of the connector changes nothing. */
  learn({ source, tables }: SchemaRecord): void {
    for (const { id, columns } of tables) {
      const versions = this.#versions.get(id) ?? [];
      const known = versions.filter(({ from }) => comparePlaces(from, source) !== 0);
      const types = new Map(columns.map((column) => [column.name, describedType(column)]));
      known.push({ from: source, columns: types });
      this.#versions.set(
        id,
        known.sort((a, b) => comparePlaces(a.from, b.from)),
      );
    }
  }

  async columnsAt({ db, table, ...place }: RecordSource): Promise<ColumnTypes | undefined> {
    const version = this.#versions.get(`${db}.${table}`)?.findLast(({ from }) => comparePlaces(from, place) <= 0);
    if (version) return version.columns;
    if (!this.#asked.has(table)) this.#asked.set(table, await this.#ask(table));
    return this.#asked.get(table);
  }
}

type Place = Pick<RecordSource, 'file' | 'pos'>;

/** The order of a binlog: its files are numbered at the end of their names. */
export function comparePlaces(a: Place, b: Place): number {
  return fileNumber(a.file) - fileNumber(b.file) || a.pos - b.pos;
}

function fileNumber(file: string): number {
  return Number(/\d+$/.exec(file)?.[0] ?? 0);
}
