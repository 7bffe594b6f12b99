/** Our reader alone: tells when each row was in its hand. Argument: database. */
import { z } from 'zod';
import { bridgeLegacy } from '../../cdc-bridge/config.ts';
import { binlogSource } from '../../cdc-bridge/source/binlog/binlog-source.ts';
import { connectionSettings } from '../../cdc-bridge/source/connection-settings.ts';
import { LegacyDatabase } from '../../cdc-bridge/source/legacy-database.ts';
import { until } from '../../test/until.ts';
import { nowMs } from '../clock.ts';
import { endWithParent } from '../helper-process.ts';
import type { Sighting, SightingsQuestion } from './sighting.ts';

const [url] = process.argv.slice(2) as [string];
endWithParent();
const config = z.object(bridgeLegacy).parse({ database: { url, serverId: process.pid } }).database!;
const database = await LegacyDatabase.connect(connectionSettings(config));
const sightings: Sighting[] = [];

process.once('message', async ({ count }: SightingsQuestion) => {
  await until(
    () => sightings.length >= count,
    30_000,
    () => `${count} rows, ${sightings.length} came`,
  );
  process.send!(sightings);
});

const connected = () => void process.send!({ ready: true });
const source = binlogSource(database, config, connected);
for await (const batch of source.follow({ position: await database.head() }, new AbortController().signal))
  for (const { rows } of batch) for (const { after } of rows) sightings.push([Number(after!.id), nowMs()]);
