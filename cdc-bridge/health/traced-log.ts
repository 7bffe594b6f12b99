import type { EventLog } from '../../contract/event-log.ts';
import type { EventSpans } from '../../contract/event-spans.ts';

/** The same log, of which each domain event that is appended is a span of the request that caused it. A repeat is none. */
export function tracedLog(log: EventLog, spans: EventSpans): EventLog {
  const append: EventLog['append'] = async (topic, batch, ...rest) => {
    const startTime = Date.now();
    const results = await log.append(topic, batch, ...rest);
    const endTime = Date.now();
    for (const [index, { stream, events, topic: own = topic }] of batch.entries()) {
      if (own !== 'domain' || results[index]?.kind !== 'appended') continue;
      for (const { id, action, meta } of events)
        if (meta.traceparent !== undefined)
          spans.appended({ id, action, meta: { ...meta, stream } }, startTime, endTime);
    }
    return results;
  };
  return Object.assign(Object.create(log) as EventLog, { append });
}
