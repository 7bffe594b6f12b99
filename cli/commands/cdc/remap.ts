import type { Command } from 'commander';
import { type DryRun, dryRun } from '../../../cdc-bridge/dry-run.ts';
import { type BuiltGeneration, Remap } from '../../../cdc-bridge/generations/remap.ts';
import type { BridgeLease } from '../../../cdc-bridge/lease/bridge-lease.ts';
import { holdLease } from '../../../cdc-bridge/lease/hold-lease.ts';
import { compileMapping } from '../../../cdc-bridge/mapping/mapping.ts';
import { recordedTransactions } from '../../../cdc-bridge/row-changes/kept-row-changes.ts';
import { bridgeTelemetry } from '../../../cdc-bridge/telemetry.ts';
import type { EventLog } from '../../../contract/event-log.ts';
import { formatLogAddress } from '../../../contract/log-address.ts';
import { silent } from '../../../runtime/logger.ts';
import { Metrics } from '../../../runtime/metrics.ts';
import { allTables, bridgeName } from '../../bridge-slice.ts';
import { loadMappingFunctions } from '../../mapping-functions.ts';
import { bold, green, print, red } from '../../print.ts';
import { openSystem } from '../../system.ts';
import { openExistingLog } from '../events.ts';
import { describeDryRun } from './dry-run.ts';

interface RemapOptions {
  config: string;
  json?: boolean;
  mapping?: string;
  switch?: true;
  discard?: true;
  carryOld?: true;
}

/** What remapping came to. */
interface Remapped {
  /** What the kept row changes give, and how that differs from the current generation. */
  readonly difference: DryRun;
  readonly built: BuiltGeneration;
  /** Head of the generation that is current now, when it was switched. */
  readonly switchedTo?: string;
}

const leaseMs = 30_000;

/** `strangler cdc remap`: the kept row changes into a new generation of streams, made by the mapping as it is now. */
export function addRemap(cdc: Command): void {
  cdc
    .command('remap')
    .description(
      'map the kept row changes again, into a new generation of streams beside the current one; the bridge must be stopped',
    )
    .option('--mapping <configuration>', 'a changed configuration to map by; the log is that of --config')
    .option('--switch', 'make the new generation the current one')
    .option('--carry-old', 'carry over as they are the events of row changes that are no longer kept')
    .option('--discard', 'give up a generation that was built and not switched to')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<RemapOptions>();
      const log = await openExistingLog(openSystem(options.config));
      try {
        const telemetry = bridgeTelemetry(silent, new Metrics());
        const ports = { log, bridge: bridgeName, ttlMs: leaseMs, telemetry };
        await holdLease(ports, (lease) => (options.discard ? discard(log, lease) : remap(options, lease)));
      } finally {
        await log.close();
      }
    });
}

async function discard(log: EventLog, { lease }: BridgeLease): Promise<void> {
  await log.generations.discard(lease);
}

async function remap(options: RemapOptions, { log, lease }: BridgeLease): Promise<void> {
  const changed = openSystem(options.mapping ?? options.config);
  const tables = allTables(changed.configuration.capabilities);
  const functions = await loadMappingFunctions(changed);
  const carryOld = options.carryOld ?? false;
  const work = await Remap.open({ log, lease, bridge: bridgeName, tables, functions, carryOld });
  const transactions = recordedTransactions(log, bridgeName);
  const mapping = compileMapping(tables, functions);
  const difference = await dryRun({ transactions, mapping, bridge: bridgeName, log });
  const built = await work.build();
  const switchedTo = options.switch ? formatLogAddress(await work.switch()) : undefined;
  print<Remapped>(options, { difference, built, ...(switchedTo && { switchedTo }) }, describe);
}

function describe({ difference, built, switchedTo }: Remapped): string {
  const { generation, from, carried, remapped, unclear, unclearChanges } = built;
  return [
    describeDryRun(difference),
    '',
    `${bold(`generation ${generation}`)}, beside ${from}: ${remapped} events of kept row changes, ${carried} carried over as they were`,
    ...(unclear > 0 ? [red(`${unclear} row changes would be parked, so there is no switching to it:`)] : []),
    ...unclearChanges.map(
      ({ transaction, table, reason, detail }) => `  ${table}  ${transaction}  ${reason}: ${detail}`,
    ),
    switchedTo === undefined
      ? 'It is not switched to. To do so: strangler cdc remap --switch; to give it up: strangler cdc remap --discard'
      : green(`It is the current one now, up to ${switchedTo}. Start the bridge with the same mapping.`),
  ].join('\n');
}
