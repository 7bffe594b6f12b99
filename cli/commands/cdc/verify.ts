import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { DatabaseConfig } from '../../../cdc-bridge/config.ts';
import type { Difference, TableVerdict, Verdict } from '../../../cdc-bridge/oracle/difference.ts';
import { type VerifyProgress, verify } from '../../../cdc-bridge/oracle/verify.ts';
import { binlogSource } from '../../../cdc-bridge/source/binlog/binlog-source.ts';
import { databaseOf, withLegacyDatabase } from '../../legacy-access.ts';
import { bold, dim, green, print, red, table } from '../../print.ts';
import { openSystem } from '../../system.ts';
import { untilStopped } from '../../until-stopped.ts';

interface VerifyCommandOptions {
  readonly config: string;
  readonly json?: boolean;
  readonly table?: string[];
  readonly seconds?: number;
  readonly limit: number;
}

/** `strangler cdc verify`: the binlog replayed and held against SELECT. Exit status 1 when they differ. */
export function addVerify(cdc: Command): void {
  cdc
    .command('verify')
    .description('replay the binlog on a snapshot and compare with SELECT, cell by cell; exit with 1 when they differ')
    .option('--table <name>', 'this table alone; may be given again', collected)
    .option('--seconds <n>', 'wait so long between the two snapshots, for the application to write', positive)
    .option('--until-head', 'replay what was written while the first snapshot was read, and no more (the default)')
    .option('--limit <n>', 'tell so many differences one by one; all are counted', positive, 100)
    .action((_options, command: Command) => run(command.optsWithGlobals<VerifyCommandOptions>()));
}

async function run(options: VerifyCommandOptions): Promise<void> {
  const config = databaseOf(openSystem(options.config));
  await untilStopped(async (signal) => {
    const verdict = await verdictOn(config, options, signal);
    print(options, verdict, describe);
    if (!verdict.equal) process.exitCode = 1;
  });
}

function verdictOn(config: DatabaseConfig, options: VerifyCommandOptions, signal: AbortSignal): Promise<Verdict> {
  return withLegacyDatabase(config, async (database) => {
    const line = progressLine();
    try {
      return await verify(
        database,
        binlogSource(database, { ...config, serverId: otherServerId() }, () => {}),
        {
          ...(options.table ? { tables: options.table } : {}),
          maxDifferences: options.limit,
          wait: () => delay((options.seconds ?? 0) * 1_000, undefined, { signal }),
          onProgress: line.show,
          signal,
        },
      );
    } finally {
      line.end();
    }
  });
}

const firstPrivateServerId = 2 ** 31;

/** One that the bridge does not have: the server would end its connection. */
export function otherServerId(): number {
  return randomInt(firstPrivateServerId, 2 ** 32 - 1);
}

export function collected(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1');
  return value;
}

const showEveryMs = 100;

/** One line on a terminal that is written over again and again; nothing elsewhere. */
function progressLine(): { show(progress: VerifyProgress): void; end(): void } {
  if (!process.stderr.isTTY) return { show: () => {}, end: () => {} };
  let shownAt = 0;
  return {
    show(progress) {
      const now = performance.now();
      if (now - shownAt < showEveryMs) return;
      shownAt = now;
      process.stderr.write(`\r\x1b[K${progressText(progress)}`);
    },
    end: () => void process.stderr.write('\r\x1b[K'),
  };
}

function progressText(progress: VerifyProgress): string {
  switch (progress.doing) {
    case 'waiting':
      return 'waiting for the application to write';
    case 'replaying':
      return `replaying: ${progress.transactions} transactions, ${progress.missing} to go`;
    case 'reading':
    case 'comparing':
      return `${progress.doing} ${progress.table}, table ${progress.tablesDone + 1} of ${progress.tables}`;
  }
}

function describe({ equal, from, to, transactions, tables, differences, notes }: Verdict): string {
  const count = tables.reduce((sum, one) => sum + one.differences, 0);
  return [
    table(['table', 'key', 'rows', 'changes', 'differences', 'untold cells'], tables.map(tableLine)),
    '',
    dim(`replayed ${transactions} transactions from ${from} to ${to}`),
    ...differences.map(differenceLine),
    ...(count > differences.length ? [`… and ${count - differences.length} more`] : []),
    ...notes.map(({ kind, detail, position }) => `${bold(kind)}  ${detail}  ${dim(position)}`),
    equal ? green('equal: SELECT shows what the binlog told') : red(`${count} differences`),
  ].join('\n');
}

function tableLine({ table: name, key, rowsAfter, changes, differences, untold }: TableVerdict): string[] {
  const counts = [rowsAfter, changes, differences, untold].map(String);
  return [name, key === 'none' ? 'none' : key.join(', '), ...counts];
}

function differenceLine(difference: Difference): string {
  const where = `${difference.table} ${JSON.stringify(difference.key)}`;
  switch (difference.kind) {
    case 'cell': {
      const { column, replayed, selected } = difference;
      return `${red('differs')}  ${where} ${column}: replayed ${JSON.stringify(replayed)}, selected ${JSON.stringify(selected)}`;
    }
    case 'not-replayed':
      return `${red('not replayed')}  ${where}: SELECT shows ${JSON.stringify(difference.selected)}`;
    case 'not-selected':
      return `${red('not selected')}  ${where}: the replay has ${JSON.stringify(difference.replayed)}`;
    case 'contradiction':
      return `${red('contradiction')}  ${where}: ${difference.what}  ${dim(difference.position)}`;
  }
}
