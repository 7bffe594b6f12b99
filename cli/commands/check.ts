import type { Command } from 'commander';
import { jsonSchema } from '../config/explain-issue.ts';
import { loadConfiguration } from '../config/load.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import { capabilitySchema, editorSchema } from '../config/schema.ts';
import { readEnvironment } from '../environment.ts';
import { loadMappingFunctions } from '../mapping-functions.ts';
import { green, print, red, yellow } from '../print.ts';

const schemas = { configuration: editorSchema, capability: capabilitySchema };

/** `strangler check` and `strangler schema`. */
export function addCheck(program: Command): void {
  program
    .command('check')
    .description('report every problem of the configuration, with file, line and column')
    .action((_options, command: Command) => check(command.optsWithGlobals<CheckOptions>()));
  program
    .command('schema')
    .description('print the JSON Schema for editors: of a configuration, or of the file of one capability')
    .addArgument(program.createArgument('[of]').choices(Object.keys(schemas)).default('configuration'))
    .action((of: keyof typeof schemas) => print({ json: true }, jsonSchema(schemas[of]), String));
}

interface CheckOptions {
  config: string;
  json?: boolean;
}

async function check(options: CheckOptions): Promise<void> {
  try {
    const loaded = loadConfiguration(options.config, readEnvironment());
    await loadMappingFunctions(loaded);
    const { files, configuration, warnings } = loaded;
    const capabilities = Object.keys(configuration.capabilities);
    const sound = `${files.join(', ')}: no problem found, capabilities: ${capabilities.join(', ') || 'none'}`;
    print(options, { problems: [], warnings, files, capabilities }, () =>
      [...warnings.map((warning) => `${yellow('warning')} ${formatProblem(warning)}`), green(sound)].join('\n'),
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems } = error;
    print(options, { problems }, () =>
      [...problems.map(formatProblem), red(`${problems.length} problem${problems.length === 1 ? '' : 's'} found`)].join(
        '\n',
      ),
    );
    process.exitCode = 2;
  }
}
