import type { Database } from '../../runtime/sqlite.ts';

/** Everything in the shipments view in one canonical order: two views are the same exactly when their dumps are. */
export function dump(database: Database): unknown {
  const all = (sql: string) =>
    database
      .prepare(sql)
      .all()
      .map((row) => ({ ...(row as object) }));
  return {
    checkpoint: all('select * from checkpoint'),
    shipments: all('select * from shipments order by key'),
    customers: all('select * from customers order by id'),
  };
}
