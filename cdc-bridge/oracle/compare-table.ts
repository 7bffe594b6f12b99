import type { Json, JsonObject } from '../../contract/json.ts';
import type { Difference } from './difference.ts';
import type { Replica, ReplicaTable } from './replica.ts';
import { sameCell } from './stored-row.ts';

/** How many rows were looked at, and cells that no row image told. */
export interface Compared {
  readonly rows: number;
  readonly untold: number;
}

/**
 * Compares the replica's table with the rows that SELECT gives, in any order, and empties it on the way: what is left at the end is not
 * selected.
 */
export async function compareTable(
  replica: Replica,
  table: ReplicaTable,
  selected: AsyncIterable<JsonObject>,
  report: (difference: Difference) => void,
): Promise<Compared> {
  let rows = 0;
  let untold = 0;
  for await (const row of selected) {
    rows += 1;
    untold += compareRow(replica, table, row, report);
  }
  for (const { key, row } of replica.rows(table))
    report({ kind: 'not-selected', table: table.name, key: table.key ? key : row, replayed: row });
  return { rows, untold };
}

function compareRow(
  replica: Replica,
  table: ReplicaTable,
  selected: JsonObject,
  report: (difference: Difference) => void,
): number {
  const name = replica.nameOf(table, selected)!;
  const key = JSON.parse(name) as Json;
  const replayed = replica.find(table, name);
  if (!replayed) {
    report({ kind: 'not-replayed', table: table.name, key, selected });
    return 0;
  }
  replica.remove(table, name);
  let untold = 0;
  for (const [column, cell] of Object.entries(selected)) {
    const told = replayed[column];
    if (told === undefined) untold += 1;
    else if (!sameCell(told, cell))
      report({ kind: 'cell', table: table.name, key, column, replayed: told, selected: cell });
  }
  return untold;
}
