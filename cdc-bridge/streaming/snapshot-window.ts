import type { EventLog } from '../../contract/event-log.ts';
import { parseSourcePosition } from '../../contract/source-position.ts';
import type { MappedEvent } from '../mapping/mapping.ts';
import { isMapped, ruleNames, type TablesConfig } from '../mapping/table-mapping.ts';
import { type GtidSet, gtidSetOf } from '../positions/gtid.ts';
import { importId } from './legacy-event.ts';

/**
 * Tells which changes the initial snapshot has already seen.
 *
 * A snapshot that was interrupted took several runs, each of which looked at the tables at a later position P1 < … < Pn. Streaming starts at
 * P1. So between P1 and Pn a change counts only when it came after the look at its own row: the row's import event says which run that
 * was. A row without an import event was in no run, and all its changes count. Every row's history is thus its image at Pk and then each
 * change after Pk, once.
 */
export class SnapshotWindow {
  readonly #log: EventLog;
  readonly #bridge: string;
  readonly #importRules: ReadonlyMap<string, readonly string[]>;
  readonly #until: GtidSet | undefined;

  constructor(log: EventLog, bridge: string, tables: TablesConfig, importedUpTo: string | undefined) {
    this.#log = log;
    this.#bridge = bridge;
    this.#importRules = new Map(Object.entries(tables).map(([name, table]) => [name, importRules(table)]));
    this.#until = importedUpTo === undefined ? undefined : gtidSetOf(parseSourcePosition(importedUpTo));
  }

  /** Whether the transaction is one that a later run may have seen. */
  spans(gtid: string): boolean {
    return this.#until?.has(gtid) ?? false;
  }

  async hasSeen(gtid: string, table: string, { key }: MappedEvent): Promise<boolean> {
    for (const action of this.#importRules.get(table) ?? []) {
      const imported = await this.#log.find('domain', importId(this.#bridge, table, key, action));
      if (imported?.meta.position) return gtidSetOf(parseSourcePosition(imported.meta.position)).has(gtid);
    }
    return false;
  }
}

function importRules(table: TablesConfig[string]): string[] {
  return isMapped(table) ? ruleNames(table, 'r') : [];
}
