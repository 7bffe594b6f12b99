import { derivedId } from '../../contract/event-id.ts';
import type { RowChange } from './row-change.ts';
import { mappedTables, type TablesConfig } from './table-mapping.ts';

/** A group that may still grow: what its next member is known by, its id, and when its last member was committed (ms since 1970). */
export type OpenGroup = readonly [member: string, id: string, at: number];

/** What grouping must remember from one transaction to the next; stored with the position, so that a restart groups alike. */
export type OpenGroups = readonly OpenGroup[];

/** What grouping looks at in a transaction. */
export interface GroupedTransaction {
  readonly gtid: string;
  readonly committedAt: string;
  /** Id of the connection that wrote it, where the binlog tells it (MySQL). */
  readonly connection?: number;
  readonly piece?: { readonly last: boolean };
}

/** The name of the row that a change at an index is about, `shipments/[17]`; undefined for one that gives no event. */
export type RowName = (index: number) => string | undefined;

/** More groups than these are not kept open: the oldest are closed. It bounds what is stored with each position. */
const maxOpen = 256;

const second = 1_000;

/**
 * Tells which changes belong to one request, for tables that declare `group: {request: GAP}`. Changes of one traceparent are one group. Others
 * join the group of the same connection, or where the binlog does not tell connections of one of the same rows, when no more than the gap is
 * between the two commits; else they begin one, named by their transaction. Pure: what is asked in the same order gives the same ids.
 * Commit times of whole seconds cannot tell a shorter pause than one second.
 */
export class RequestGroups {
  readonly #bridge: string;
  readonly #gapsMs: ReadonlyMap<string, number>;
  readonly #longestGapMs: number;
  #open: Map<string, OpenGroup>;
  #settled: OpenGroups;

  constructor(bridge: string, tables: TablesConfig, open: OpenGroups = []) {
    this.#bridge = bridge;
    this.#gapsMs = new Map(mappedTables(tables).flatMap(([name, { group }]) => (group ? [[name, group.request]] : [])));
    this.#longestGapMs = Math.max(second, ...this.#gapsMs.values());
    this.#open = new Map(open.map((group) => [group[0], group]));
    this.#settled = open;
  }

  /** To be stored with a position that covers every transaction asked about; one that came in pieces counts from its last on. */
  get open(): OpenGroups {
    return this.#settled;
  }

  /** The group of each change of a transaction, or of a piece of one; undefined where its table declares none. */
  assign(
    transaction: GroupedTransaction,
    changes: readonly RowChange[],
    rowName: RowName,
  ): readonly (string | undefined)[] {
    if (this.#gapsMs.size === 0) return [];
    const groups = changes.map((change, index) => {
      if (!this.#gapsMs.has(change.table) || rowName(index) === undefined) return undefined;
      return change.traceparent === undefined ? '' : derivedId(this.#bridge, 'group', change.traceparent);
    });
    const untraced = [...groups.keys()].filter((index) => groups[index] === '');
    const common = untraced.length > 0 ? this.#join(transaction, untraced, changes, rowName) : undefined;
    if (transaction.piece?.last !== false) this.#settled = [...this.#open.values()];
    return groups.map((group) => (group === '' ? common : group));
  }

  #join(
    { gtid, committedAt, connection }: GroupedTransaction,
    indices: readonly number[],
    changes: readonly RowChange[],
    rowName: RowName,
  ): string {
    const at = Date.parse(committedAt);
    let gapMs = 0;
    for (const index of indices) gapMs = Math.max(gapMs, this.#gapsMs.get(changes[index]!.table)!);
    const members =
      connection === undefined ? [...new Set(indices.map((index) => rowName(index)!))] : [`connection ${connection}`];
    const joined = members.map((member) => this.#open.get(member)).find((open) => open && isWithin(gapMs, open[2], at));
    const id = joined?.[1] ?? derivedId(this.#bridge, 'group', gtid);
    for (const member of members.slice(-maxOpen)) {
      this.#open.delete(member);
      this.#open.set(member, [member, id, at]);
    }
    this.#close(at);
    return id;
  }

  /** Forgets groups that no change can join any more, then the oldest beyond the bound. */
  #close(now: number): void {
    let excess = this.#open.size - maxOpen;
    for (const [member, , at] of this.#open.values()) {
      if (excess <= 0 && isWithin(this.#longestGapMs, at, now)) continue;
      this.#open.delete(member);
      excess -= 1;
    }
  }
}

function isWithin(gapMs: number, earlier: number, later: number): boolean {
  const isCoarse = earlier % second === 0 || later % second === 0;
  return later - earlier <= (isCoarse ? Math.max(gapMs, second) : gapMs);
}
