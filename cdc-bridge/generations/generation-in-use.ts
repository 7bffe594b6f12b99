import type { EventLog } from '../../contract/event-log.ts';
import type { BridgeConfig } from '../config.ts';
import { appendPatiently } from '../streaming/patient-append.ts';
import type { Telemetry } from '../telemetry.ts';
import { changedRules, currentGeneration, mappingRecord, recordName, recordOf } from './mapping-record.ts';

/** The generation of streams that a bridge appends to, and how its mapping stands to the one that this was made by. */
export interface GenerationInUse {
  readonly number: number;
  /** Digest of the mapping that the generation was made by. */
  readonly mapping: string;
  /** Rules, as `TABLE.EVENT`, by which the bridge maps otherwise: what was said before was said by the old ones. */
  readonly changedRules: readonly string[];
}

/**
 * Looks which generation is current, and says so where rules have changed since it was made; one that nobody has told a mapping of is made by this
 * one. To be called under the lease.
 */
export async function generationInUse(
  log: EventLog,
  { name, tables, functions }: Pick<BridgeConfig, 'name' | 'tables' | 'functions'>,
  telemetry: Telemetry,
): Promise<GenerationInUse> {
  const number = await currentGeneration(log);
  const record = mappingRecord(tables, functions);
  const made = await recordOf(log, name, number);
  if (made) {
    const changed = changedRules(made, record);
    if (changed.length > 0) telemetry.mappingChanged(number, changed);
    return { number, mapping: made.hash, changedRules: changed };
  }
  const cursor = { name: recordName(name, number), value: JSON.stringify(record) };
  await appendPatiently(log, 'domain', [], cursor, telemetry);
  return { number, mapping: record.hash, changedRules: [] };
}
