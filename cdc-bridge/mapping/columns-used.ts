import { type EventRule, type Join, parseReference, payloadEntries } from './event-rule.ts';
import type { Alternative, Pattern } from './pattern-syntax.ts';
import type { RowOp } from './row-change.ts';
import { keyColumns, type MappedTable, streamColumns } from './table-mapping.ts';

/** A column that a table's mapping names: the place where it does, and what it asks of it. */
export interface ColumnUse {
  readonly path: readonly string[];
  readonly column: string;
  /** The table of a join, when the column is one of its. */
  readonly joined?: string;
  /** identity: in key or stream. compared: its value is asked for, by a pattern or as `on`. changed: only whether it changed. data: given. */
  readonly as: 'identity' | 'compared' | 'changed' | 'data';
  /** What a pattern asks of it. */
  readonly alternatives?: readonly Alternative[];
  /** Operation of the rule that names it; absent for key and stream, which every operation needs, and for what is left out on purpose. */
  readonly op?: RowOp;
}

/** Every column that a table's mapping names; `"*"` and functions name none. */
export function columnsUsed(table: MappedTable): ColumnUse[] {
  return [
    ...keyColumns(table).map((column): ColumnUse => ({ path: ['key'], column, as: 'identity' })),
    ...streamColumns(table).map((column): ColumnUse => ({ path: ['stream'], column, as: 'identity' })),
    ...Object.entries(table.events).flatMap(([event, rule]) =>
      usedByRule(rule).map((use) => ({ ...use, op: rule.op, path: ['events', event, ...use.path] })),
    ),
    ...Object.entries(table.ignore ?? {}).flatMap(([op, left]) =>
      typeof left === 'string'
        ? []
        : left.flatMap(({ row, changed }, index) =>
            [...usedByPattern(['row'], row), ...usedByChanged({ changed })].map((use) => ({
              ...use,
              path: ['ignore', op, String(index), ...use.path],
            })),
          ),
    ),
  ];
}

/** The columns that rules for updates look at; undefined when one of them takes every update, or there is none. */
export function watchedColumns(table: MappedTable): ReadonlySet<string> | undefined {
  const updates = Object.values(table.events).filter(({ op }) => op === 'u');
  const watched = updates.map((rule) => [
    ...changedColumns(rule),
    ...Object.keys(rule.before ?? {}),
    ...Object.keys(rule.after ?? {}),
  ]);
  if (watched.length === 0 || table.use !== undefined || watched.some((columns) => columns.length === 0))
    return undefined;
  return new Set(watched.flat());
}

/** The columns under `changed`, in either of its forms. */
export function changedColumns({ changed = [] }: Pick<EventRule, 'changed'>): string[] {
  return Array.isArray(changed) ? changed : Object.keys(changed);
}

function usedByRule(rule: EventRule): ColumnUse[] {
  const { before, after, join = {}, data } = rule;
  return [
    ...usedByPattern(['before'], before),
    ...usedByPattern(['after'], after),
    ...usedByChanged(rule),
    ...Object.entries(join).flatMap(([name, joined]) => usedByJoin(['join', name], joined)),
    ...payloadEntries(data).map(([, reference]): ColumnUse => {
      const { join: name, column } = parseReference(reference);
      return { path: ['data'], column, as: 'data', ...(name === undefined ? {} : { joined: join[name]!.table }) };
    }),
  ];
}

function usedByChanged(rule: Pick<EventRule, 'changed'>): ColumnUse[] {
  const { changed } = rule;
  return changedColumns(rule).map((column): ColumnUse => {
    const { from = [], to = [] } = !changed || Array.isArray(changed) ? {} : changed[column]!;
    const alternatives = [...from, ...to];
    return alternatives.length === 0
      ? { path: ['changed'], column, as: 'changed' }
      : { path: ['changed'], column, as: 'compared', alternatives };
  });
}

function usedByJoin(path: readonly string[], { table, on, before, after }: Join): ColumnUse[] {
  const uses = [...usedByPattern([...path, 'before'], before), ...usedByPattern([...path, 'after'], after)];
  return [
    ...Object.values(on).map((column): ColumnUse => ({ path: [...path, 'on'], column, as: 'compared' })),
    ...Object.keys(on).map((column): ColumnUse => ({ path: [...path, 'on'], column, as: 'compared', joined: table })),
    ...uses.map((use) => ({ ...use, joined: table })),
  ];
}

function usedByPattern(path: readonly string[], pattern: Pattern = {}): ColumnUse[] {
  return Object.entries(pattern).map(([column, alternatives]) => ({ path, column, as: 'compared', alternatives }));
}
