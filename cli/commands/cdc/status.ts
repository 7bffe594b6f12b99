import type { Command } from 'commander';
import { parkingReasons } from '../../../cdc-bridge/errors.ts';
import type { BridgeStatus } from '../../../cdc-bridge/status.ts';
import { bridgeStatus } from '../../bridge-status.ts';
import { bold, print, red, table } from '../../print.ts';
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
    snapshot,
    coverage,
    parked,
  } = status;
  const lines = [
    `${bold('phase')}     ${phase}${failure ? `  ${red(failure)}` : ''}`,
    ...(remedy ? [remedy] : []),
    `${bold('position')}  ${position ?? 'none yet'}  (on the log: ${address})`,
    `${bold('binlog')}    ${head ?? red('the database is away')}`,
    `${bold('lag')}       ${lagTransactions ?? '?'} transactions, ${lagMs ?? '?'} ms`,
    `${bold('events')}    ${events} appended since the start${snapshot ? `; initial snapshot: ${snapshot.rows} rows of ${snapshot.tables} tables` : ''}`,
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
