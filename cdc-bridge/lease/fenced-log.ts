import type { EventLog } from '../../contract/event-log.ts';
import type { Lease } from '../../contract/lease.ts';

/** The same log, on which every append is fenced by `lease`. Closing it closes the log. */
export function fencedLog(log: EventLog, lease: Lease): EventLog {
  return {
    capabilities: log.capabilities,
    leases: log.leases,
    generations: log.generations,
    append: (topic, batch, cursor, _fence, notes) => log.append(topic, batch, cursor, lease, notes),
    read: (topic, after, limit) => log.read(topic, after, limit),
    readStream: (topic, stream, from) => log.readStream(topic, stream, from),
    find: (topic, id) => log.find(topic, id),
    follow: (topic, after, signal) => log.follow(topic, after, signal),
    head: (topic) => log.head(topic),
    tail: (topic) => log.tail(topic),
    trim: (topic, keep) => log.trim(topic, keep),
    cursor: (name) => log.cursor(name),
    notes: (scope, after, limit) => log.notes(scope, after, limit),
    notesNamed: (scope, names) => log.notesNamed(scope, names),
    close: () => log.close(),
  };
}
