/** Our own reader over the socket, as the bridge uses it, each row's images asked for. Arguments: database, and `objects` or `json` (Debezium's). */
import { z } from 'zod';
import { bridgeLegacy } from '../../cdc-bridge/config.ts';
import type { RowChange } from '../../cdc-bridge/mapping/row-change.ts';
import { binlogSource } from '../../cdc-bridge/source/binlog/binlog-source.ts';
import { LoggedRow } from '../../cdc-bridge/source/binlog/transactions/logged-row.ts';
import { connectionSettings } from '../../cdc-bridge/source/connection-settings.ts';
import { LegacyDatabase } from '../../cdc-bridge/source/legacy-database.ts';
import { endWithParent } from '../helper-process.ts';
import { answerPasses, type Span, type Wanted } from './span.ts';

const [url, wanted] = process.argv.slice(2) as [string, Wanted];
endWithParent();
const config = z.object(bridgeLegacy).parse({ database: { url, serverId: process.pid } }).database!;
const database = await LegacyDatabase.connect(connectionSettings(config));

const toObjects = (row: RowChange) => row.after ?? row.before;
const toJson = (row: RowChange) => row instanceof LoggedRow && (row.afterJson ?? row.beforeJson);
const take = wanted === 'json' ? toJson : toObjects;

async function read({ position, rows }: Span): Promise<void> {
  const stopped = new AbortController();
  let seen = 0;
  for await (const batch of binlogSource(database, config, () => {}).follow({ position }, stopped.signal)) {
    for (const transaction of batch) {
      for (const row of transaction.rows) if (!take(row)) throw new Error('found a row without an image');
      seen += transaction.rows.length;
    }
    if (seen >= rows) break;
  }
  if (seen !== rows) throw new Error(`expected ${rows} rows, found ${seen}`);
}

answerPasses(read);
