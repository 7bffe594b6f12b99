/**
 * A process that uses a log as its command line says, for tests that need real processes:
 * `append URL NAME COUNT`, `race URL NAME VERSIONS`, `flood URL NAME`, `follow URL COUNT`,
 * `keep-little URL BYTES`, `fenced URL NAME STOPS_AFTER`. It tells `ready`, opens the log when its standard
 * input ends, and then tells each fact once the log has answered, one line each on standard output.
 */
import type { EventLog, LogError } from '../../contract/event-log.ts';
import { openLog } from '../../event-log/open.ts';
import { followed, item } from '../cases/event-log.cases.ts';

const [act, url, ...args] = process.argv.slice(2) as [string, string, ...string[]];

const acts: Record<string, (log: EventLog) => Promise<void>> = {
  /** Appends COUNT events one after the other; tells each offset. */
  async append(log) {
    const [name, count] = args as [string, string];
    for (let n = 0; n < Number(count); n += 1) {
      const [result] = await log.append('domain', [item(`stream-${name}`, n, `${name}-${n}`)]);
      if (result!.kind === 'appended') tell(result!.addresses[0]!.offset);
    }
  },
  /** Fights with others for each version of one stream; tells the versions won. */
  async race(log) {
    const [name, versions] = args as [string, string];
    for (let version = 0; version < Number(versions); ) {
      const [result] = await log.append('domain', [item('contested', version, `${name}-${version}`)]);
      if (result!.kind === 'appended') tell(result!.version);
      version = result!.kind === 'conflict' ? result!.actual : version + 1;
    }
  },
  /** Appends without end, eight calls at a time, each three events over two streams with a cursor; tells each call's number. */
  async flood(log) {
    const [name] = args as [string];
    for (let turn = 0; ; turn += 1) {
      await Promise.all(
        Array.from({ length: 8 }, async (_, lane) => {
          const call = `${name}-${turn * 8 + lane}`;
          const batch = [
            item(`${name}-left`, 'any', `${call}-a`, `${call}-b`),
            item(`${name}-right`, 'any', `${call}-c`),
          ];
          await log.append('domain', batch, { name, value: call });
          tell(call);
        }),
      );
    }
  },
  /** Appends row changes and trims them to BYTES without end; tells the head after each append. */
  async 'keep-little'(log) {
    const { offset } = await log.head('row-changes');
    for (let n = offset + 1; ; n += 1) {
      const trimming = log.trim('row-changes', { bytes: Number(args[0]), ageMs: 1e12 });
      await log.append('row-changes', [item('s', n - 1, `r${n}`)]);
      tell(n);
      await trimming;
    }
  },
  /**
   * Takes the lease `l` for 200 ms, tells its epoch, and appends under it without end; tells each event, and the code of what ended it.
   * Stops itself (SIGSTOP) after so many: at a moment when it holds no lock, which would stop everybody.
   */
  async fenced(log) {
    const [name, stopsAfter] = args as [string, string];
    const answer = await log.leases.acquire('l', name, 200);
    if (answer.kind !== 'acquired') return tell(answer.kind);
    tell(`epoch ${answer.lease.epoch}`);
    for (let n = 0; ; n += 1) {
      try {
        await log.append(
          'domain',
          [item('s', 'any', `${name}-${n}`)],
          { name: 'c', value: `${name}-${n}` },
          answer.lease,
        );
      } catch (error) {
        return tell((error as LogError).code);
      }
      tell(`${name}-${n}`);
      if (n + 1 === Number(stopsAfter)) process.kill(process.pid, 'SIGSTOP');
    }
  },
  /** Tells the offset of each of the first COUNT events. */
  async follow(log) {
    for (const { meta } of await followed(log, 0, Number(args[0]))) tell(meta.address.offset);
  },
};

function tell(fact: string | number): void {
  process.stdout.write(`${fact}\n`);
}

tell('ready');
for await (const _ of process.stdin);
const log = openLog(url);
await acts[act]!(log);
await log.close();
