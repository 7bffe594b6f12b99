import { columnsCovered, type OperationCoverage } from './mapping/columns-covered.ts';
import type { Row, RowChange, RowOp } from './mapping/row-change.ts';
import type { TablesConfig } from './mapping/table-mapping.ts';
import type { Outcome } from './telemetry.ts';

/** How many row changes of one table and operation came to what, since the bridge started. */
export type CoverageEntry = {
  readonly table: string;
  readonly op: RowOp;
  /** Of columns that no event tells and nothing leaves out on purpose: how many changes had a value there, or changed it. */
  readonly unmappedColumns?: Readonly<Record<string, number>>;
} & Readonly<Partial<Record<Outcome, number>>>;

interface Counts {
  readonly table: string;
  readonly op: RowOp;
  readonly outcomes: Map<Outcome, number>;
  readonly columns: Map<string, number>;
  /** Column → whether it is unmapped, as far as it has been asked. */
  readonly judged: Map<string, boolean>;
  readonly coverage: OperationCoverage;
}

/** Counts every row change: nothing that was read is left out of the sum. */
export class Coverage {
  readonly #tables: TablesConfig;
  readonly #counts = new Map<string, Map<RowOp, Counts>>();

  constructor(tables: TablesConfig) {
    this.#tables = tables;
  }

  /** Counts one change; `change` has passed the shield. */
  count(change: RowChange, outcome: Outcome): void {
    const counts = this.#of(change.table, change.op);
    counts.outcomes.set(outcome, (counts.outcomes.get(outcome) ?? 0) + 1);
    if (outcome === 'mapped' || outcome === 'unmapped') countColumns(counts, change);
  }

  entries(): CoverageEntry[] {
    return [...this.#counts.values()]
      .flatMap((ofTable) => [...ofTable.values()])
      .map(({ table, op, outcomes, columns }) => ({
        table,
        op,
        ...Object.fromEntries(outcomes),
        ...(columns.size > 0 && { unmappedColumns: Object.fromEntries(columns) }),
      }));
  }

  #of(table: string, op: RowOp): Counts {
    let ofTable = this.#counts.get(table);
    if (!ofTable) {
      ofTable = new Map();
      this.#counts.set(table, ofTable);
    }
    let counts = ofTable.get(op);
    if (!counts) {
      const coverage = columnsCovered(this.#tables, table, op);
      counts = { table, op, outcomes: new Map(), columns: new Map(), judged: new Map(), coverage };
      ofTable.set(op, counts);
    }
    return counts;
  }
}

/** A table or operation that is unmapped as a whole is told by its outcomes; its columns would say the same again. */
function countColumns(counts: Counts, { before, after }: RowChange): void {
  if (counts.coverage.operation.kind !== 'mapped' || !after) return;
  for (const column in after) {
    if (isUnmapped(counts, column) && isNews(before, after, column))
      counts.columns.set(column, (counts.columns.get(column) ?? 0) + 1);
  }
}

function isUnmapped({ judged, coverage }: Counts, column: string): boolean {
  const known = judged.get(column);
  if (known !== undefined) return known;
  const answer = coverage.column(column).kind === 'unmapped';
  judged.set(column, answer);
  return answer;
}

/** Whether a change says something about a column: another value than before, or any at all in a new row. */
function isNews(before: Row | undefined, after: Row, column: string): boolean {
  const value = after[column];
  return before ? JSON.stringify(before[column]) !== JSON.stringify(value) : value !== null;
}
