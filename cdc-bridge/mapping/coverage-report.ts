import { type Coverage, columnsCovered } from './columns-covered.ts';
import type { LegacySchema } from './legacy-schema.ts';
import type { RowOp } from './row-change.ts';
import type { TablesConfig } from './table-mapping.ts';

/** What the mapping makes of one operation on one table of the legacy database. */
export interface CoverageLine {
  readonly table: string;
  readonly op: RowOp;
  readonly operation: Coverage;
  /** Columns that nobody thought of, where the operation is mapped. */
  readonly unmappedColumns: readonly string[];
  /** Columns that are left out on purpose, with the reason, where the operation is mapped. */
  readonly ignoredColumns: Readonly<Record<string, string>>;
}

/** Every table × operation × column: mapped, ignored on purpose or unmapped. `ops` are the operations that count; without snapshots r does not. */
export function coverageReport(tables: TablesConfig, schema: LegacySchema, ops: readonly RowOp[]): CoverageLine[] {
  return schema.flatMap(({ name, columns }) => ops.map((op) => line(tables, name, op, columns)));
}

/** Whether something in a line is unmapped. */
export function hasGap({ operation, unmappedColumns }: CoverageLine): boolean {
  return operation.kind === 'unmapped' || unmappedColumns.length > 0;
}

function line(tables: TablesConfig, table: string, op: RowOp, columns: LegacySchema[number]['columns']): CoverageLine {
  const { operation, column } = columnsCovered(tables, table, op);
  if (operation.kind !== 'mapped') return { table, op, operation, unmappedColumns: [], ignoredColumns: {} };
  const answers = columns.map(({ name }) => [name, column(name)] as const);
  return {
    table,
    op,
    operation,
    unmappedColumns: answers.filter(([, answer]) => answer.kind === 'unmapped').map(([name]) => name),
    ignoredColumns: Object.fromEntries(
      answers.flatMap(([name, answer]) => (answer.kind === 'ignored' ? [[name, answer.reason]] : [])),
    ),
  };
}
