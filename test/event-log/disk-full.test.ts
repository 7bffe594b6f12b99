import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { item } from '../cases/event-log.cases.ts';
import { temporaryLog } from './temporary-log.ts';

const script = fileURLToPath(new URL('append-until-full.ts', import.meta.url));

/** A file-size limit is how an unprivileged process gets a disk that takes no more. */
test('a disk that takes no more is log-unavailable with the cause, and nothing is half-written', async () => {
  const given = temporaryLog();
  const limited = `ulimit -f 512 && exec "$0" --import tsx "$1" "$2"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', limited, process.execPath, script, given.url]);
  const { acknowledged, failure } = JSON.parse(stdout) as { acknowledged: number; failure: object };
  expect(acknowledged).toBeGreaterThan(0);
  expect(failure).toEqual({ name: 'LogError', code: 'log-unavailable', retriable: true, cause: 'ERR_SQLITE_ERROR' });

  const { offset: head } = await given.log.head('domain');
  const events = await given.log.read('domain', 0, head);
  expect(events.map(({ meta }) => meta.address.offset)).toEqual(Array.from({ length: head }, (_, n) => n + 1));
  expect(head).toBe(acknowledged * 2);
  expect((await given.log.append('domain', [item('after', 'none', 'after')]))[0]).toMatchObject({ kind: 'appended' });
  await given.remove();
}, 60_000);
