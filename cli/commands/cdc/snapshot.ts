import { userInfo } from 'node:os';
import type { Command } from 'commander';
import {
  askForSnapshot,
  type SnapshotAnswer,
  type SnapshotWish,
  snapshotAnswer,
} from '../../../cdc-bridge/known-rows/snapshot-request.ts';
import { importedTables } from '../../../cdc-bridge/streaming/import-snapshot.ts';
import { CommandError } from '../../admin-client.ts';
import { bridgeConfig } from '../../bridge-slice.ts';
import { print } from '../../print.ts';
import { openSystem } from '../../system.ts';
import { untilStopped } from '../../until-stopped.ts';
import { openExistingLog, wholeNumber } from '../events.ts';

interface SnapshotOptions {
  config: string;
  json?: boolean;
  fromNow?: boolean;
  wait: number;
}

/**
 * `strangler cdc snapshot`: tables read again, and events for what the log has not been told of them. It writes the request to the log, so it works
 * whether the bridge runs or not.
 */
export function addSnapshot(cdc: Command): void {
  cdc
    .command('snapshot [table...]')
    .description(
      'read tables again (all that are imported) and tell real differences: rows unknown, otherwise, or gone',
    )
    .option('--from-now', 'a bridge that is started next goes on at the head of the binlog, whatever is left before it')
    .option('--wait <seconds>', 'how long to wait for the end of it', wholeNumber, 10)
    .action((tables: string[], _options, command: Command) => ask(tables, command.optsWithGlobals<SnapshotOptions>()));
}

async function ask(tables: readonly string[], options: SnapshotOptions): Promise<void> {
  const system = openSystem(options.config);
  if (!system.addresses.bridge)
    throw new CommandError('this configuration has no legacy.database, so there is no bridge');
  const { name, tables: mapping } = bridgeConfig(system.configuration);
  const wish = wishFor(tables, importedTables(mapping), options.fromNow === true);
  const log = await openExistingLog(system);
  try {
    const { offset } = await log.head('parked');
    const request = await askForSnapshot(log, name, wish);
    let answer: SnapshotAnswer | undefined;
    await untilStopped(async (signal) => {
      const enough = AbortSignal.any([signal, AbortSignal.timeout(options.wait * 1_000)]);
      answer = await snapshotAnswer(log, request, offset, enough);
    });
    print(options, answer ?? { request, answered: false }, () => describe(answer));
  } finally {
    await log.close();
  }
}

/** What a bridge that loses its place is to tell, it can only tell of all tables. */
function wishFor(tables: readonly string[], imported: readonly string[], fromNow: boolean): SnapshotWish {
  const strange = tables.filter((table) => !imported.includes(table));
  if (strange.length > 0) {
    const known = imported.join(', ') || 'none';
    throw new CommandError(`no rule of op r imports ${strange.join(', ')}; tables that are imported: ${known}`);
  }
  const [first, ...rest] = tables;
  if (fromNow && first !== undefined)
    throw new CommandError('--from-now is about all tables: what was passed over may be about any of them');
  return { fromNow, by: userInfo().username, ...(first !== undefined && { tables: [first, ...rest] }) };
}

function describe(answer: SnapshotAnswer | undefined): string {
  if (!answer)
    return 'It is asked for on the log, and not done so far: a bridge does it as soon as it runs and has imported its tables. See: strangler cdc status';
  const { tables, imported, corrected, gone, resolved, refused } = answer;
  return [
    `${tables.join(', ') || 'no table'} read again: ${imported} rows imported, ${corrected} corrected, ${gone} gone`,
    ...(resolved > 0 ? [`${resolved} parked writes of unknown rows are settled by it`] : []),
    ...Object.entries(refused).map(([table, why]) => `${table} was not read again: ${why}`),
  ].join('\n');
}
