import type { Command } from 'commander';
import type { BridgeStatus } from '../../cdc-bridge/status.ts';
import { bridgeStatus } from '../bridge-status.ts';
import { bold, print, red, table } from '../print.ts';
import { openSystem } from '../system.ts';

/** `strangler cdc status`: where the bridge is, what it could not map. */
export function addCdc(program: Command): void {
  program
    .command('cdc')
    .description('look into the bridge')
    .command('status')
    .description('position, lag, coverage of tables and parked row changes')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<{ config: string; json?: boolean }>();
      print(options, await bridgeStatus(openSystem(options.config)), describe);
    });
}

const operations = { r: 'read', c: 'create', u: 'update', d: 'delete' } as const;

function describe(status: BridgeStatus): string {
  const { phase, failure, position, head, lagTransactions, lagMs, address, events, snapshot, coverage, parked } =
    status;
  const lines = [
    `${bold('phase')}     ${phase}${failure ? `  ${red(failure)}` : ''}`,
    `${bold('position')}  ${position ?? 'none yet'}  (on the log: ${address})`,
    `${bold('binlog')}    ${head ?? red('the database is away')}`,
    `${bold('lag')}       ${lagTransactions ?? '?'} transactions, ${lagMs ?? '?'} ms`,
    `${bold('events')}    ${events} appended since the start${snapshot ? `; initial snapshot: ${snapshot.rows} rows of ${snapshot.tables} tables` : ''}`,
    '',
    table(
      ['table', 'operation', 'mapped', 'ignored', 'unmapped', 'parked'],
      coverage.map(({ table, op, mapped, ignored, unmapped, parked }) => [
        table,
        operations[op],
        ...[mapped, ignored, unmapped, parked].map((count) => String(count ?? 0)),
      ]),
    ),
  ];
  if (parked.count > 0) {
    lines.push('', red(`${parked.count} row changes are parked:`));
    lines.push(
      ...parked.changes.map(
        (change) => `  ${change.stream ?? change.row ?? change.table}  ${change.reason}: ${change.detail}`,
      ),
    );
  }
  return lines.join('\n');
}
