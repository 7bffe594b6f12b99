import { Command } from 'commander';
import { CommandError } from './admin-client.ts';
import { addCdc } from './commands/cdc.ts';
import { addCheck } from './commands/check.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEvents } from './commands/events.ts';
import { addFlags } from './commands/flags.ts';
import { addRoutes } from './commands/routes.ts';
import { addShadow } from './commands/shadow.ts';
import { addStart } from './commands/start.ts';
import { ConfigError } from './config/problem.ts';
import { red } from './print.ts';

/**
 * The `strangler` command. Exit status: 0 done; 1 it could not be done, or what was asked for is not so; 2 wrong usage or configuration.
 */
export async function main(args: readonly string[]): Promise<void> {
  const program = new Command('strangler')
    .description('A strangler-fig migration gateway: routing, evidence and data for leaving a legacy application.')
    .option('-c, --config <file>', 'the configuration', 'strangler.yaml')
    .option('--json', 'print JSON')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride((error) => {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      throw error;
    });
  for (const add of [addStart, addCheck, addDoctor, addRoutes, addFlags, addShadow, addCdc, addEvents]) add(program);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    report(error);
  }
}

function report(error: unknown): void {
  const code = (error as { code?: string }).code ?? '';
  if (code.startsWith('commander.')) return;
  process.exitCode = error instanceof ConfigError ? 2 : 1;
  const expected = error instanceof ConfigError || error instanceof CommandError;
  const { message, stack } = error as Error;
  process.stderr.write(`${red(expected || process.env.DEBUG === undefined ? message : (stack ?? message))}\n`);
}
