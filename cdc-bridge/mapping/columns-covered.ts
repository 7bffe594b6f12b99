import { type ColumnUse, changedColumns, columnsUsed } from './columns-used.ts';
import type { EventRule } from './event-rule.ts';
import type { RowOp } from './row-change.ts';
import {
  columnsOf,
  isMapped,
  keyColumns,
  type MappedTable,
  mappedTables,
  streamColumns,
  type TablesConfig,
} from './table-mapping.ts';

/** What the mapping says of an operation or a column: an event tells it, it is left out on purpose and why, or nobody thought of it. */
export type Coverage =
  | { readonly kind: 'mapped' }
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'unmapped' };

const mapped: Coverage = { kind: 'mapped' };
const unmapped: Coverage = { kind: 'unmapped' };
const ignored = (reason: string): Coverage => ({ kind: 'ignored', reason });

/** Answers for one table and operation. */
export interface OperationCoverage {
  readonly operation: Coverage;
  /** For c and r: whether the value is told; for u: whether a change of this column alone gives an event. */
  column(name: string): Coverage;
}

/**
 * Tells of a table and operation what is mapped, ignored on purpose or unmapped. A deleted row takes its columns with it, so they are mapped when the
 * deletion is. A mapping function is taken to look at every column.
 */
export function columnsCovered(tables: TablesConfig, name: string, op: RowOp): OperationCoverage {
  const table = tables[name];
  if (table === undefined) return everywhere(joinedColumns(tables, name, op), unmapped);
  if (!isMapped(table))
    return everywhere(joinedColumns(tables, name, op), ignored(table === 'ignore' ? 'no reason given' : table.ignore));
  const operation = operationCoverage(table, op);
  if (operation.kind !== 'mapped') return everywhere(new Set(), operation);
  return { operation, column: columnCoverage(table, op, joinedColumns(tables, name, op)) };
}

function everywhere(joined: ReadonlySet<string>, answer: Coverage): OperationCoverage {
  return { operation: answer, column: (name) => (joined.has(name) ? mapped : answer) };
}

function operationCoverage(table: MappedTable, op: RowOp): Coverage {
  if (rulesOf(table, op).length > 0 || (table.use !== undefined && op !== 'r')) return mapped;
  const left = table.ignore?.[op];
  return typeof left === 'string' ? ignored(left) : unmapped;
}

function columnCoverage(table: MappedTable, op: RowOp, joined: ReadonlySet<string>): (name: string) => Coverage {
  const { exclude = [], ignore = {} } = columnsOf(table) ?? {};
  const all =
    op === 'd' || (table.use !== undefined && op !== 'r') || rulesOf(table, op).some((rule) => takesAll(rule, op));
  const told = new Set([...keyColumns(table), ...streamColumns(table), ...joined, ...toldColumns(table, op)]);
  return (name) => {
    if (exclude.includes(name)) return ignored('excluded');
    const reason = Object.hasOwn(ignore, name) ? ignore[name] : undefined;
    if (reason !== undefined) return ignored(reason);
    return all || told.has(name) ? mapped : unmapped;
  };
}

function rulesOf(table: MappedTable, op: RowOp): EventRule[] {
  return Object.values(table.events).filter((rule) => rule.op === op);
}

/** A rule that gives or sees every column; for updates only one that no condition keeps from any. */
function takesAll(rule: EventRule, op: RowOp): boolean {
  return (rule.data === '*' || rule.use !== undefined) && (op !== 'u' || isUnconditional(rule));
}

function isUnconditional(rule: EventRule): boolean {
  return Object.keys({ ...rule.before, ...rule.after }).length === 0 && changedColumns(rule).length === 0;
}

/** Columns that rules for an operation name; for updates those whose own change gives an event. */
function toldColumns(table: MappedTable, op: RowOp): string[] {
  const noticed = ({ as, path }: ColumnUse) =>
    op !== 'u' || as === 'changed' || as === 'compared' || isUnconditional(table.events[path[1]!]!);
  return columnsUsed(table)
    .filter((use) => use.op === op && use.joined === undefined && noticed(use))
    .map(({ column }) => column);
}

/** Columns of a table that the rules of others read by a join. */
function joinedColumns(tables: TablesConfig, name: string, op: RowOp): ReadonlySet<string> {
  if (op === 'r') return new Set();
  const uses = mappedTables(tables).flatMap(([, table]) => columnsUsed(table));
  return new Set(uses.filter(({ joined }) => joined === name).map(({ column }) => column));
}
