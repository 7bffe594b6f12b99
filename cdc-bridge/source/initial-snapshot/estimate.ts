import type { LegacyDatabase } from '../legacy-database.ts';
import { quoted } from './column-facts.ts';
import type { Place } from './key-order.ts';
import type { TablePlan } from './table-plan.ts';

/**
 * How many rows of a table are still to be read: by how far a numeric key has come between its first and last value, else by the server's
 * own estimate of the number of rows.
 */
export class Estimate {
  readonly #rows: number;
  readonly #last: number | undefined;
  #first: number | undefined;
  #scanned = 0;
  #place: number | undefined;

  private constructor(rows: number, first: number | undefined, last: number | undefined) {
    this.#rows = rows;
    this.#first = first;
    this.#last = last;
  }

  /** `after` is where an interrupted import goes on. */
  static async of(database: LegacyDatabase, plan: TablePlan, after: Place | undefined): Promise<Estimate> {
    const [column] = plan.key;
    if (plan.key.length > 1 || column!.compares !== 'numbers') return new Estimate(plan.rows, undefined, undefined);
    const key = quoted(column!.name);
    const [ends] = await database.query(
      `SELECT MIN(${key} + 0) AS first, MAX(${key} + 0) AS last FROM ${quoted(plan.table)}`,
    );
    if (ends!.first === null) return new Estimate(0, undefined, undefined);
    return new Estimate(plan.rows, Number(after?.[0] ?? ends!.first), Number(ends!.last));
  }

  advance(rows: number, place: Place | undefined): void {
    this.#scanned += rows;
    this.#place = place === undefined ? this.#last : Number(place[0]);
    this.#first ??= this.#place;
  }

  get remaining(): number {
    const share = this.#share();
    if (share === undefined || share <= 0) return Math.max(0, this.#rows - this.#scanned);
    return Math.max(0, Math.round(this.#scanned / share - this.#scanned));
  }

  /** Of the way from the first key to the last; undefined when the key does not tell. */
  #share(): number | undefined {
    if (this.#first === undefined || this.#last === undefined || this.#place === undefined) return undefined;
    const way = this.#last - this.#first;
    return way > 0 ? Math.min(1, (this.#place - this.#first) / way) : 1;
  }
}
