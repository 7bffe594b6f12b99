/** A process that appends two events at a time to the log at its first argument until that fails; tells how far it came and how it failed. */
import type { LogError } from '../../contract/event-log.ts';
import { openLog } from '../../event-log/open.ts';
import { newEvent } from '../cases/event-log.cases.ts';

const log = openLog(process.argv[2]!);
const data = { text: 'x'.repeat(10_000) };
let acknowledged = 0;
try {
  for (;;) {
    const events = ['a', 'b'].map((each) => newEvent(`${acknowledged}-${each}`, { data }));
    await log.append('domain', [{ stream: 's', expect: 'any', events: [events[0]!, events[1]!] }]);
    acknowledged += 1;
  }
} catch (error) {
  const { name, code, retriable, cause } = error as LogError;
  const failure = { name, code, retriable, cause: (cause as { code?: string })?.code };
  process.stdout.write(JSON.stringify({ acknowledged, failure }));
}
await log.close();
