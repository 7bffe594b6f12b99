import { Command } from 'commander';
import { CommandError } from './admin-client.ts';
import { ConfigError } from './config/problem.ts';
import { red } from './print.ts';

interface CommandFile {
  readonly commands: readonly string[];
  load(): Promise<(program: Command) => void>;
}

/** Where the commands are, in the order of the help. */
const commandFiles: readonly CommandFile[] = [
  { commands: ['start', 'demo', 'reset'], load: async () => (await import('./commands/start.ts')).addStart },
  { commands: ['check', 'schema'], load: async () => (await import('./commands/check.ts')).addCheck },
  { commands: ['doctor'], load: async () => (await import('./commands/doctor.ts')).addDoctor },
  {
    commands: ['routes', 'promote', 'rollback', 'bypass'],
    load: async () => (await import('./commands/routes.ts')).addRoutes,
  },
  { commands: ['reload'], load: async () => (await import('./commands/reload.ts')).addReload },
  { commands: ['explain'], load: async () => (await import('./commands/explain.ts')).addExplain },
  { commands: ['test'], load: async () => (await import('./commands/test.ts')).addTest },
  { commands: ['flags'], load: async () => (await import('./commands/flags.ts')).addFlags },
  { commands: ['shadow'], load: async () => (await import('./commands/shadow.ts')).addShadow },
  { commands: ['cdc'], load: async () => (await import('./commands/cdc/cdc.ts')).addCdc },
  { commands: ['events'], load: async () => (await import('./commands/events.ts')).addEvents },
];

/** Optimization: a command given as the first word needs its own file alone. Help, and what a typo may have meant, need all. */
function neededFor([word = '']: readonly string[]): readonly CommandFile[] {
  const file = commandFiles.find(({ commands }) => commands.includes(word));
  return file ? [file] : commandFiles;
}

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
  try {
    for (const { load } of neededFor(args)) (await load())(program);
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    await report(error);
  }
}

/** The code that knows the remedies is loaded when there is something to remedy. */
async function report(error: unknown): Promise<void> {
  const code = (error as { code?: string }).code ?? '';
  if (code.startsWith('commander.')) return;
  process.exitCode = error instanceof ConfigError ? 2 : 1;
  const expected = error instanceof ConfigError || error instanceof CommandError;
  const { message, stack } = error as Error;
  const remedy = (await import('./remedy.ts')).remedyOf(error as Error);
  process.stderr.write(`${red(expected || process.env.DEBUG === undefined ? message : (stack ?? message))}\n`);
  if (remedy) process.stderr.write(`${remedy}\n`);
}
