/** The log alone, for comparison: appends the events of one log to another, in batches as the bridge makes them. Arguments: from, to. */
import type { StreamAppend } from '../../contract/event-log.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { openLog } from '../../event-log/open.ts';
import { endWithParent } from '../helper-process.ts';

const batchEvents = 500;

const [from, to] = process.argv.slice(2) as [string, string];
endWithParent();
const source = openLog(from);
const batches: StreamAppend[][] = [];
for (let after = 0; ; after += batchEvents) {
  const events = await source.read('domain', after, batchEvents);
  if (events.length === 0) break;
  batches.push(events.map(toAppend));
}
await source.close();
const target = openLog(to);

process.once('message', async () => {
  const before = process.cpuUsage();
  for (const [index, batch] of batches.entries())
    await target.append('domain', batch, { name: 'bench', value: String(index) });
  const { user, system } = process.cpuUsage(before);
  await target.close();
  process.send!({ cpuMicroseconds: user + system });
});
process.send!({ ready: true });

function toAppend({ id, parent, action, data, meta }: RecordedEvent): StreamAppend {
  const { stream, version: _version, recordedAt: _recordedAt, address: _address, ...known } = meta;
  return { stream, expect: 'any', events: [{ id, parent, action, data, meta: known }] };
}
