import type { RowOp } from './mapping/row-change.ts';
import type { Outcome } from './telemetry.ts';

/** How many row changes of one table and operation came to what, since the bridge started. */
export type CoverageEntry = { readonly table: string; readonly op: RowOp } & Readonly<Partial<Record<Outcome, number>>>;

/** Counts every row change: nothing that was read is left out of the sum. */
export class Coverage {
  readonly #counts = new Map<string, { table: string; op: RowOp; outcomes: Map<Outcome, number> }>();

  count(table: string, op: RowOp, outcome: Outcome): void {
    const name = `${op} ${table}`;
    const entry = this.#counts.get(name) ?? { table, op, outcomes: new Map() };
    entry.outcomes.set(outcome, (entry.outcomes.get(outcome) ?? 0) + 1);
    this.#counts.set(name, entry);
  }

  entries(): CoverageEntry[] {
    return [...this.#counts.values()].map(({ table, op, outcomes }) => ({
      table,
      op,
      ...Object.fromEntries(outcomes),
    }));
  }
}
