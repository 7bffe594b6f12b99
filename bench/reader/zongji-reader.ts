/** @vlasky/zongji over the socket, as its readme uses it. Arguments: database, and `objects` or `json` (each row through JSON.stringify). */
import ZongJi from '@vlasky/zongji';
import { endWithParent } from '../helper-process.ts';
import { answerPasses, type Span, type Wanted } from './span.ts';

const [url, wanted] = process.argv.slice(2) as [string, Wanted];
endWithParent();
const { hostname, port, username, password } = new URL(url);
const account = { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) };

function read({ file, offset, rows }: Span): Promise<void> {
  const zongji = new ZongJi({ ...account, dateStrings: true, supportBigNumbers: true } as unknown as string);
  let seen = 0;
  let isDone = false;
  return new Promise((resolve, reject) => {
    zongji.on('error', (error) => isDone || reject(error));
    zongji.on('binlog', (event) => {
      const { rows: found } = event as unknown as { rows?: readonly object[] };
      if (!found || isDone) return;
      if (wanted === 'json') for (const row of found) JSON.stringify(row);
      seen += found.length;
      if (seen < rows) return;
      isDone = true;
      zongji.stop();
      if (seen === rows) resolve();
      else reject(new Error(`expected ${rows} rows, found ${seen}`));
    });
    const includeEvents = ['rotate', 'tablemap', 'writerows'];
    zongji.start({ serverId: process.pid, filename: file, position: offset, includeEvents });
  });
}

answerPasses(read);
