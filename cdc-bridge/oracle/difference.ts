import type { Json } from '../../contract/json.ts';
import type { UnreadWrite } from '../source/change-source.ts';

/** Where the replayed binlog and SELECT do not agree. `key` names the row; of a table without a key it is the whole row. */
export type Difference =
  | {
      readonly kind: 'cell';
      readonly table: string;
      readonly key: Json;
      readonly column: string;
      readonly replayed: Json;
      readonly selected: Json;
    }
  /** SELECT shows a row that the binlog did not tell of. */
  | { readonly kind: 'not-replayed'; readonly table: string; readonly key: Json; readonly selected: Json }
  /** The replay has a row that SELECT does not show. */
  | { readonly kind: 'not-selected'; readonly table: string; readonly key: Json; readonly replayed: Json }
  /** The binlog changes a row that the replay does not have, or adds one that it has. */
  | {
      readonly kind: 'contradiction';
      readonly table: string;
      readonly key: Json;
      readonly what: string;
      readonly position: string;
    };

/** Something in the binlog that may explain differences, or makes a table incomparable. */
export interface Note {
  readonly kind: UnreadWrite['reason'] | 'unsettled' | 'schema-change';
  /** Absent when the binlog does not tell. */
  readonly tables?: readonly string[];
  readonly detail: string;
  readonly position: string;
}

/** What one table came to. */
export interface TableVerdict {
  readonly table: string;
  /** `none` when rows are compared as a multiset. */
  readonly key: readonly string[] | 'none';
  /** Rows that the first SELECT gave, and that the second one did. */
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  /** Row changes that were replayed. */
  readonly changes: number;
  readonly differences: number;
  /** Cells that could not be compared, because no row image told them (MINIMAL images, columns that were added). */
  readonly untold: number;
}

/** What a replay came to. Equal means that every row and every cell that was told is what SELECT shows. */
export interface Verdict {
  readonly equal: boolean;
  readonly from: string;
  readonly to: string;
  readonly transactions: number;
  readonly tables: readonly TableVerdict[];
  /** The first ones; `TableVerdict.differences` counts all. */
  readonly differences: readonly Difference[];
  readonly notes: readonly Note[];
}
