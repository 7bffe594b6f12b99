import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventLog } from '../../contract/event-log.ts';
import { type OpenLogOptions, openLog } from '../../event-log/open.ts';
import type { LogUnderTest } from '../cases/event-log.cases.ts';

/** A SQLite log in a directory of its own. */
export interface TemporaryLog extends LogUnderTest {
  readonly path: string;
  readonly url: string;
}

/** Opens an empty SQLite log; `remove` closes every handle given out and deletes the directory. */
export function temporaryLog(options: OpenLogOptions = {}): TemporaryLog {
  const directory = mkdtempSync(join(tmpdir(), 'event-log-'));
  const path = join(directory, 'log.db');
  const url = `sqlite:${path}`;
  const handles: EventLog[] = [];
  const again = () => {
    const log = openLog(url, options);
    handles.push(log);
    return log;
  };
  return {
    path,
    url,
    log: again(),
    again,
    async remove() {
      await Promise.all(handles.map((log) => log.close()));
      rmSync(directory, { recursive: true });
    },
  };
}
