import type { Command } from 'commander';
import { parkingReasons } from '../../../cdc-bridge/errors.ts';
import { isAlarming, type PurgeDistance } from '../../../cdc-bridge/health/kept-binlog.ts';
import type { BridgeStatus } from '../../../cdc-bridge/status.ts';
import { bridgeStatus } from '../../bridge-status.ts';
import { bold, print, red, table, yellow } from '../../print.ts';
import { openSystem } from '../../system.ts';
import { placeOf } from './parked.ts';

/** `strangler cdc status`: where the bridge is, what it could not map. */
export function addStatus(cdc: Command): void {
  cdc
    .command('status')
    .description('position, lag, coverage of tables and parked row changes')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<{ config: string; json?: boolean }>();
      print(options, await bridgeStatus(openSystem(options.config)), describe);
    });
}

const operations = { r: 'read', c: 'create', u: 'update', d: 'delete' } as const;

function describe(status: BridgeStatus): string {
  const {
    phase,
    failure,
    remedy,
    position,
    head,
    lagTransactions,
    lagMs,
    address,
    events,
    generation,
    snapshot,
    purge,
    coverage,
    parked,
  } = status;
  const lines = [
    `${bold('phase')}     ${phase}${failure ? `  ${red(failure)}` : ''}`,
    ...(remedy ? [remedy] : []),
    `${bold('position')}  ${position ?? 'none yet'}  (on the log: ${address})`,
    `${bold('binlog')}    ${head ?? red('the database is away')}`,
    `${bold('lag')}       ${describeLag(phase, lagTransactions, lagMs)}`,
    ...(purge ? [`${bold('purge')}     ${describePurge(purge)}`] : []),
    `${bold('events')}    ${events} appended since the start${snapshot ? `; ${snapshot.kind} snapshot: ${snapshot.rows} rows of ${snapshot.tables} tables` : ''}`,
    ...(generation ? [`${bold('streams')}   ${describeGeneration(generation)}`] : []),
    '',
    table(
      ['table, since the start', 'operation', 'mapped', 'ignored', 'unmapped', 'parked'],
      coverage.map(({ table, op, mapped, ignored, unmapped, parked }) => [
        table,
        operations[op],
        ...[mapped, ignored, unmapped, parked].map((count) => String(count ?? 0)),
      ]),
    ),
  ];
  return [...lines, ...describeParked(parked)].join('\n');
}

function describeGeneration({ number, mapping, changedRules }: NonNullable<BridgeStatus['generation']>): string {
  const made = `generation ${number}, made by mapping ${mapping.slice(0, 8)}`;
  if (changedRules.length === 0) return `${made}, as it is now`;
  const rules = changedRules.join(', ');
  return `${made}; ${yellow(`${changedRules.length} rules map otherwise now`)} (${rules}): strangler cdc remap tells the past by them`;
}

/** A bridge that stands still has no lag that would pass: what it lacks, it lacks until somebody acts. */
function describeLag(
  phase: BridgeStatus['phase'],
  transactions: number | undefined,
  lagMs: number | undefined,
): string {
  const lag =
    transactions === undefined
      ? 'unknown'
      : `${transactions} transactions${lagMs === undefined ? '' : `, ${lagMs} ms`}`;
  return phase === 'stopped' ? `${lag}  ${red('(the bridge has stopped)')}` : lag;
}

const hourMs = 3_600_000;

/** How long the server still keeps what is not read yet. */
export function describePurge(purge: PurgeDistance): string {
  const { isPurged, retentionMs, leftMs, filesBefore } = purge;
  if (isPurged) return red('the server has purged binlog that the bridge has not read');
  const files = filesBefore === undefined ? '' : `; ${filesBefore} binlog files go before the one being read`;
  if (retentionMs === undefined) return `the server purges nothing by age${files}`;
  const hours = (ms: number | undefined) => (ms === undefined ? '?' : (ms / hourMs).toFixed(1));
  const text = `what is not read yet is kept for ${hours(leftMs)} of ${hours(retentionMs)} h${files}`;
  return isAlarming(purge) ? red(text) : text;
}

/** What is parked, why, and what that means. */
function describeParked({ count, streams, changes }: BridgeStatus['parked']): string[] {
  if (count === 0) return [];
  const reasons = [...new Set(changes.map(({ reason }) => reason))];
  return [
    '',
    red(`${count} row changes are parked; the first ${changes.length}:`),
    ...changes.map((change) => `  ${placeOf(change)}  ${change.reason}: ${change.detail}`),
    '',
    ...reasons.map((reason) => `${bold(reason)}  ${parkingReasons[reason]}`),
    `The new side is without these changes, and without later ones of ${streams.length} streams, which wait behind them. All are kept on the`,
    'log. Correct the mapping and start again, then: strangler cdc parked retry --all; or give one up: strangler cdc parked skip ID',
  ];
}
