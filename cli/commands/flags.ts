import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import type { FlagView } from '../../gateway/admin/flag-resource.ts';
import { strategiesText } from '../../gateway/flags/feature.ts';
import { askGateway } from '../admin-client.ts';
import { dim, green, print, table } from '../print.ts';
import { openSystem } from '../system.ts';

interface Options {
  config: string;
  json?: boolean;
  create?: boolean;
}

/** `strangler flags list | on | off | rollout`: the built-in flags. */
export function addFlags(program: Command): void {
  const flags = program.command('flags').description('the built-in flags');
  flags
    .command('list')
    .description('every flag that was set or that a route uses')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      print(
        options,
        await askGateway<{ flags: FlagView[] }>(openSystem(options.config), 'GET', '/api/flags'),
        ({ flags }) =>
          table(
            ['flag', 'state', 'asked for by'],
            flags.map((flag) => [flag.name, stateText(flag), flag.inUse ? 'a split' : 'nobody']),
          ),
      );
    });
  for (const state of ['on', 'off'] as const) {
    flags
      .command(`${state} <flag>`)
      .description(`switch a flag ${state}; the very next request follows`)
      .option('--create', 'also when no split asks for it')
      .action((flag: string, _options, command: Command) =>
        set(flag, { enabled: state === 'on' }, command.optsWithGlobals<Options>()),
      );
  }
  flags
    .command('rollout <flag> <percent>')
    .description('switch a flag on for a percentage of the assignment units')
    .option('--create', 'also when no split asks for it')
    .action((flag: string, percent: string, _options, command: Command) =>
      set(flag, { enabled: true, percent: percentage(percent) }, command.optsWithGlobals<Options>()),
    );
}

async function set(flag: string, setting: { enabled: boolean; percent?: number }, options: Options): Promise<void> {
  const path = `/api/flags/${encodeURIComponent(flag)}`;
  const body = { ...setting, create: options.create, by: userInfo().username };
  const view = await askGateway<FlagView>(openSystem(options.config), 'PUT', path, body);
  print(options, view, (flag) => green(`${flag.name} is ${stateText(flag)}`));
}

function stateText({ enabled, known, strategies }: FlagView): string {
  if (!known) return `off ${dim('(never set)')}`;
  return enabled ? `on (${strategiesText({ strategies })})` : 'off';
}

function percentage(text: string): number {
  const value = /^\d+(\.\d+)?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (value >= 0 && value <= 100) return value;
  throw new InvalidArgumentError(`found ${JSON.stringify(text)}, expected a percentage from 0% to 100%.`);
}
