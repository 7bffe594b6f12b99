import type { JsonObject } from './json.ts';
import type { RecordedEvent } from './recorded-event.ts';

/** Brings the payload of `action` from schema version `from` to `from + 1`. Pure; the stored bytes never change. */
export interface Upcaster {
  readonly action: string;
  readonly from: number;
  upcast(data: JsonObject): JsonObject;
}

/**
 * One door through which a reader sees only current events: applies each upcaster of an event's action in order of `from`.
 * Throws a RangeError when two upcasters share action and version, or when one is missing in the middle of a chain.
 */
export function upcasterChain(upcasters: readonly Upcaster[]): (event: RecordedEvent) => RecordedEvent {
  const chains = new Map<string, Map<number, Upcaster>>();
  for (const upcaster of upcasters) {
    const chain = chains.get(upcaster.action) ?? new Map<number, Upcaster>();
    if (chain.has(upcaster.from))
      throw new RangeError(`two upcasters for ${upcaster.action} from version ${upcaster.from}`);
    chains.set(upcaster.action, chain.set(upcaster.from, upcaster));
  }
  for (const [action, chain] of chains) {
    const versions = [...chain.keys()].sort((a, b) => a - b);
    versions.forEach((version, index) => {
      if (version !== versions[0]! + index)
        throw new RangeError(`no upcaster for ${action} from version ${versions[0]! + index}`);
    });
  }
  return (event) => {
    const chain = chains.get(event.action);
    let schema = event.meta.schema;
    let data = event.data;
    for (let next = chain?.get(schema); next; next = chain?.get(schema)) {
      data = next.upcast(data);
      schema += 1;
    }
    return schema === event.meta.schema ? event : { ...event, data, meta: { ...event.meta, schema } };
  };
}
