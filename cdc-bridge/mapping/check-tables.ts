import type { ColumnsSection } from './columns-section.ts';
import { type ColumnUse, columnsUsed } from './columns-used.ts';
import type { Alternative } from './pattern-syntax.ts';
import { columnsOf, type MappedTable, mappedTables, type TablesConfig } from './table-mapping.ts';

/** A contradiction inside the tables section, with the place it stands at. */
export interface MappingProblem {
  readonly path: readonly string[];
  readonly message: string;
}

/**
 * Every contradiction that can be told without the database: columns used that are excluded, ignored, masked or hashed in a way that does not go
 * with it, and hashes without `hashKey`.
 */
export function checkTables(tables: TablesConfig, hashKey: string | undefined): MappingProblem[] {
  return mappedTables(tables).flatMap(([name, table]) =>
    [
      ...undeclared(table, tables),
      ...treatedTwice(table),
      ...hashedWithoutKey(table, hashKey),
      ...columnsUsed(table).flatMap((use) =>
        contradiction(use, columnsOf(use.joined === undefined ? table : tables[use.joined])),
      ),
    ].map(({ path, message }) => ({ path: [name, ...path], message })),
  );
}

function contradiction(use: ColumnUse, columns: ColumnsSection | undefined): MappingProblem[] {
  if (!columns) return [];
  const { column } = use;
  const { exclude, ignore, mask, hash } = columns;
  const problem = (found: string): MappingProblem[] => [{ path: use.path, message: `column ${column} is ${found}` }];
  if (exclude.includes(column)) return problem('excluded, so it cannot be used here');
  if (Object.hasOwn(ignore, column) && use.joined === undefined) return problem('ignored on purpose, but used here');
  if (Object.hasOwn(mask, column) && use.as !== 'data')
    return problem('masked, so it is always the same and nothing can be asked of it here');
  if (!hash.includes(column)) return [];
  if (use.as === 'identity' && use.path[0] === 'key')
    return problem('hashed, so it cannot be a key: the initial snapshot stores where it is by the key');
  if (use.as === 'compared' && use.alternatives?.some(asksForValue))
    return problem('hashed, so it can only be asked whether it exists or changed');
  return [];
}

/** What a function sees is stored, so somebody must have said what of it may be. */
function undeclared({ sees = [] }: MappedTable, tables: TablesConfig): MappingProblem[] {
  return sees
    .filter((name) => !Object.hasOwn(tables, name))
    .map((name) => ({
      path: ['sees'],
      message: `table ${name} is in no tables section: map it, or ignore it with the reason`,
    }));
}

function asksForValue(alternative: Alternative): boolean {
  return alternative !== null && !(typeof alternative === 'object' && 'exists' in alternative);
}

function treatedTwice({ columns }: MappedTable): MappingProblem[] {
  if (!columns) return [];
  const { exclude, mask, hash, utf8, encoding } = columns;
  return [
    ...repeated({ exclude, mask: Object.keys(mask), hash }),
    ...repeated({ utf8, encoding: Object.keys(encoding) }),
  ];
}

function repeated(lists: Readonly<Record<string, readonly string[]>>): MappingProblem[] {
  const first = new Map<string, string>();
  return Object.entries(lists).flatMap(([list, columns]) =>
    columns.flatMap((column) => {
      const earlier = first.get(column);
      first.set(column, earlier ?? list);
      if (earlier === undefined) return [];
      return [{ path: ['columns', list], message: `column ${column} is under ${earlier} already` }];
    }),
  );
}

function hashedWithoutKey({ columns }: MappedTable, hashKey: string | undefined): MappingProblem[] {
  if (!columns || columns.hash.length === 0 || hashKey !== undefined) return [];
  return [{ path: ['columns', 'hash'], message: 'found columns to hash, but legacy.database.hashKey is not set' }];
}
