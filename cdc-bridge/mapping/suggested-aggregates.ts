import type { LegacySchema, LegacyTable } from './legacy-schema.ts';
import { singular } from './suggestion-words.ts';

/** A table that is the head of an aggregate, and the tables whose rows belong to its rows by a column. */
export interface SuggestedAggregate {
  readonly root: LegacyTable;
  readonly parts: readonly { readonly table: LegacyTable; readonly column: string; readonly because: string }[];
}

/** How many transactions changed a table, and how many changed two together. */
export class CoChanges {
  readonly #tables = new Map<string, number>();
  readonly #pairs = new Map<string, number>();

  /** The tables that one transaction changed. */
  add(tables: ReadonlySet<string>): void {
    for (const table of tables) {
      this.#tables.set(table, (this.#tables.get(table) ?? 0) + 1);
      for (const other of tables)
        if (other !== table) this.#pairs.set(`${table} ${other}`, (this.#pairs.get(`${table} ${other}`) ?? 0) + 1);
    }
  }

  /** Of the transactions that changed `table`, the share that changed `other` too; undefined when none did. */
  share(table: string, other: string): number | undefined {
    const all = this.#tables.get(table);
    return all === undefined ? undefined : (this.#pairs.get(`${table} ${other}`) ?? 0) / all;
  }
}

/** At this share of common transactions a row belongs to the one that it refers to. */
const togetherShare = 0.5;

/**
 * Proposes aggregates: a table belongs to another when it refers to it (by a foreign key, or a column `shipment_id` for a table `shipments`) and is
 * named after it, has the reference in its key, is changed together with it mostly, or refers to nothing else while nothing refers to it.
 */
export function suggestAggregates(schema: LegacySchema, prefix: string, coChanges: CoChanges): SuggestedAggregate[] {
  const references = new Map(schema.map((table) => [table.name, referencesOf(table, schema, prefix)]));
  const referred = new Set([...references.values()].flat().map(({ table }) => table));
  const owners = new Map(
    schema.flatMap((table) => {
      const owner = ownerOf(table, references.get(table.name)!, referred.has(table.name), prefix, coChanges);
      return owner ? [[table.name, owner] as const] : [];
    }),
  );
  return schema
    .filter(({ name }) => !isOwned(name, owners))
    .map((root) => ({
      root,
      parts: schema.flatMap((table) => {
        const owner = owners.get(table.name);
        return owner?.table === root.name && isOwned(table.name, owners) ? [{ ...owner, table }] : [];
      }),
    }));
}

interface Owner {
  readonly table: string;
  readonly column: string;
  readonly because: string;
}

/** A part of a part stands alone: its row does not name the root. */
function isOwned(name: string, owners: ReadonlyMap<string, Owner>): boolean {
  const owner = owners.get(name);
  return owner !== undefined && !owners.has(owner.table);
}

function ownerOf(
  table: LegacyTable,
  references: readonly Omit<Owner, 'because'>[],
  isReferred: boolean,
  prefix: string,
  coChanges: CoChanges,
): Owner | undefined {
  for (const reference of references) {
    const name = singular(reference.table.slice(prefix.length));
    if (table.name.slice(prefix.length).startsWith(`${name}_`)) return { ...reference, because: 'named after it' };
    if (table.key.length > 1 && table.key[0] === reference.column) return { ...reference, because: 'part of its key' };
    const share = coChanges.share(table.name, reference.table);
    if (share !== undefined && share >= togetherShare && !isReferred)
      return { ...reference, because: `${Math.round(100 * share)} % of its transactions change both` };
  }
  const [only] = references;
  return references.length === 1 && only && !isReferred ? { ...only, because: 'refers to nothing else' } : undefined;
}

/** Foreign keys, then columns named after another table. A key of one column that refers is the same row in two tables: no part. */
function referencesOf(table: LegacyTable, schema: LegacySchema, prefix: string): Omit<Owner, 'because'>[] {
  const declared = table.references.map(({ column, table: parent }) => ({ column, table: parent }));
  const named = table.columns.flatMap(({ name }) => {
    const parent = namedTable(name, schema, prefix);
    return parent === undefined || declared.some(({ column }) => column === name)
      ? []
      : [{ column: name, table: parent }];
  });
  return [...declared, ...named].filter(
    ({ column, table: parent }) => parent !== table.name && !(table.key.length === 1 && table.key[0] === column),
  );
}

function namedTable(column: string, schema: LegacySchema, prefix: string): string | undefined {
  const noun =
    /^(.+)_id$/i.exec(column)?.[1] ?? /^(.+[a-z])(?:Id|ID)$/.exec(column)?.[1] ?? /^id_(.+)$/i.exec(column)?.[1];
  if (noun === undefined) return undefined;
  const wanted = singular(noun.toLowerCase());
  return schema.find(
    ({ name, key }) => key.length === 1 && singular(name.slice(prefix.length).toLowerCase()) === wanted,
  )?.name;
}
