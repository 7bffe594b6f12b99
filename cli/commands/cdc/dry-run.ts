import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { TablesConfig } from '../../../cdc-bridge/config.ts';
import { type ChangedEvent, type DryRun, dryRun, type LoneEvent } from '../../../cdc-bridge/dry-run.ts';
import { compileMapping } from '../../../cdc-bridge/mapping/mapping.ts';
import { recordedBinlog } from '../../../cdc-bridge/recorded-binlog.ts';
import { recordedTransactions } from '../../../cdc-bridge/row-changes/kept-row-changes.ts';
import type { TransactionStep } from '../../../cdc-bridge/row-changes/raw-transaction.ts';
import { compileStepShield } from '../../../cdc-bridge/streaming/shielded-step.ts';
import type { EventLog } from '../../../contract/event-log.ts';
import { parseLogUrl } from '../../../event-log/log-url.ts';
import { openLog } from '../../../event-log/open.ts';
import { CommandError } from '../../admin-client.ts';
import { allTables, bridgeName } from '../../bridge-slice.ts';
import { databaseOf } from '../../legacy-access.ts';
import { loadMappingFunctions } from '../../mapping-functions.ts';
import { bold, dim, green, print, red, table, yellow } from '../../print.ts';
import { openSystem, type System } from '../../system.ts';

interface DryRunOptions {
  config: string;
  json?: boolean;
  mapping?: string;
  file?: string;
  failOn?: 'difference';
}

/** How many differing events of each kind are shown to a person; --json has all. */
const shownEvents = 10;

/** `strangler cdc dry-run`: what a changed mapping would say about changes that happened, and how that differs from what was said. */
export function addDryRun(cdc: Command): void {
  cdc
    .command('dry-run')
    .description('the events that a mapping gives over recorded changes, and the difference from those on the log')
    .option('--mapping <configuration>', 'a changed configuration to map by; the log is that of --config')
    .option('--file <binlog>', 'map a recorded binlog instead of the row changes that the log keeps')
    .addOption(cdc.createOption('--fail-on <what>', 'exit with 1 when there is any').choices(['difference']))
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<DryRunOptions>();
      const result = await run(options);
      print(options, result, describeDryRun);
      if (options.failOn && differs(result)) process.exitCode = 1;
    });
}

async function run({ config, mapping, file }: DryRunOptions): Promise<DryRun> {
  const system = openSystem(config);
  const changed = mapping === undefined ? system : openSystem(mapping);
  const tables = allTables(changed.configuration.capabilities);
  const compiled = compileMapping(tables, await loadMappingFunctions(changed));
  const log = openLogIfThere(system);
  if (!log && file === undefined)
    throw new CommandError(
      `found no event log at ${system.logUrl}, expected one with row changes; or name a binlog by --file`,
    );
  try {
    const transactions = file === undefined ? recordedTransactions(log!, bridgeName) : shielded(file, changed, tables);
    return await dryRun({ transactions, mapping: compiled, bridge: bridgeName, ...(log && { log }) });
  } finally {
    await log?.close();
  }
}

async function* shielded(file: string, system: System, tables: TablesConfig): AsyncGenerator<TransactionStep> {
  const database = databaseOf(system);
  const shield = compileStepShield(tables, database.hashKey);
  for await (const transaction of recordedBinlog(file, database)) yield shield(transaction);
}

/** A tool that looks must not make an empty log. */
export function openLogIfThere({ logUrl }: System): EventLog | undefined {
  return existsSync(parseLogUrl(logUrl).path) ? openLog(logUrl) : undefined;
}

export function differs({ added, missing, changed }: DryRun): boolean {
  return added.length + missing.length + changed.length > 0;
}

/** A dry run for a person to read. */
export function describeDryRun(result: DryRun): string {
  const { transactions, rows, events, parked, ignored, unmapped, same, added, missing, changed } = result;
  const reasons = Object.entries(parked).map(([reason, count]) => `${count} ${reason}`);
  const verdict = differs(result)
    ? yellow(
        `${same} events as on the log, ${added.length} added, ${missing.length} missing, ${changed.length} changed`,
      )
    : green(`${same} events, all as on the log`);
  return [
    `${transactions} transactions, ${rows} row changes: ${ignored} ignored on purpose, ${unmapped} unmapped, parked: ${reasons.join(', ') || 'none'}`,
    '',
    table(
      ['event', 'count'],
      Object.entries(events).map(([event, count]) => [event, String(count)]),
    ),
    '',
    verdict,
    ...section('added: the mapping gives them, the log has them not', added, (event) => [green(loneText(event))]),
    ...section('missing: the log has them, the mapping gives them not', missing, (event) => [red(loneText(event))]),
    ...section('changed', changed, changedText),
  ].join('\n');
}

function section<T>(title: string, events: readonly T[], lines: (event: T) => string[]): string[] {
  if (events.length === 0) return [];
  const more = events.length - shownEvents;
  return [
    '',
    bold(title),
    ...events.slice(0, shownEvents).flatMap(lines),
    ...(more > 0 ? [dim(`  and ${more} more; --json has all`)] : []),
  ];
}

function loneText({ action, stream, position, data }: LoneEvent): string {
  return `  ${action}  ${stream}  ${position}  ${JSON.stringify(data)}`;
}

function changedText({ action, stream, position, differences }: ChangedEvent): string[] {
  return [
    `  ${action}  ${stream}  ${position}`,
    ...differences.map(
      ({ path, was, is }) =>
        `    ${path}: ${red(JSON.stringify(was) ?? 'nothing')} → ${green(JSON.stringify(is) ?? 'nothing')}`,
    ),
  ];
}
