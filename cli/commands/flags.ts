import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import type { FlagChange, FlagView } from '../../gateway/admin/flag-resource.ts';
import type { SegmentView } from '../../gateway/admin/segment-resource.ts';
import { strategiesText } from '../../gateway/flags/feature.ts';
import { askGateway, CommandError } from '../admin-client.ts';
import { dim, green, print, table } from '../print.ts';
import { openSystem } from '../system.ts';

interface Options {
  config: string;
  json?: boolean;
  create?: boolean;
  reason?: string;
}

/** `strangler flags …`: the built-in flags. */
export function addFlags(program: Command): void {
  const flags = program.command('flags').description('the built-in flags');
  addReading(flags);
  addSwitching(flags);
  addDefining(flags);
  addSegments(flags.command('segments').description('constraints that several flags share'));
}

function addReading(flags: Command): void {
  flags
    .command('list')
    .description('every flag that was set or that a route uses')
    .action((_options, command: Command) => list(optionsOf(command)));
  flags
    .command('history <flag>')
    .description('who changed a flag when, why and to what')
    .action((flag: string, _options, command: Command) => history(flag, optionsOf(command)));
}

function addSwitching(flags: Command): void {
  for (const state of ['on', 'off'] as const) {
    changing(flags.command(`${state} <flag>`))
      .description(`switch a flag ${state}; the very next request follows`)
      .option('--create', 'also when no split asks for it')
      .action((flag: string, _options, command: Command) => set(flag, { enabled: state === 'on' }, optionsOf(command)));
  }
  changing(flags.command('rollout <flag> <percent>'))
    .description('switch a flag on for a percentage of the assignment units')
    .option('--create', 'also when no split asks for it')
    .action((flag: string, percent: string, _options, command: Command) =>
      set(flag, { enabled: true, percent: percentage(percent) }, optionsOf(command)),
    );
}

function addDefining(flags: Command): void {
  changing(flags.command('define <flag> <file>'))
    .description('set a flag to the JSON in a file (-: standard input): enabled, strategies, variants, dependencies')
    .option('--create', 'also when no split asks for it')
    .action((flag: string, file: string, _options, command: Command) => set(flag, readJson(file), optionsOf(command)));
  changing(flags.command('archive <flag>'))
    .description('remove a flag that no split and no other flag asks for')
    .action((flag: string, _options, command: Command) => archive(flagPath(flag), optionsOf(command)));
}

function addSegments(segments: Command): void {
  segments
    .command('list')
    .description('every segment, with the id that strategies name it by')
    .action((_options, command: Command) => listSegments(optionsOf(command)));
  changing(segments.command('define <segment> <file>'))
    .description('set a segment to the JSON in a file (-: standard input): constraints')
    .action((segment: string, file: string, _options, command: Command) =>
      defineSegment(segment, readJson(file), optionsOf(command)),
    );
  changing(segments.command('archive <segment>'))
    .description('remove a segment that no flag names')
    .action((segment: string, _options, command: Command) => archive(segmentPath(segment), optionsOf(command)));
}

const changing = (command: Command) => command.option('--reason <reason>', 'why, for the history');
const optionsOf = (command: Command) => command.optsWithGlobals<Options>();
const flagPath = (flag: string) => `/api/flags/${encodeURIComponent(flag)}`;
const segmentPath = (segment: string) => `/api/segments/${encodeURIComponent(segment)}`;
const whoAndWhy = ({ reason }: Options) => ({ by: userInfo().username, reason });

async function list(options: Options): Promise<void> {
  const answer = await askGateway<{ flags: FlagView[] }>(openSystem(options.config), 'GET', '/api/flags');
  print(options, answer, ({ flags }) =>
    table(
      ['flag', 'state', 'asked for by', 'last asked for'],
      flags.map((flag) => [flag.name, stateText(flag), flag.inUse ? 'a split' : 'nobody', flag.use?.lastAt ?? '–']),
    ),
  );
}

async function history(flag: string, options: Options): Promise<void> {
  const path = `${flagPath(flag)}/history`;
  const answer = await askGateway<{ history: FlagChange[] }>(openSystem(options.config), 'GET', path);
  print(options, answer, ({ history }) =>
    table(
      ['when', 'who', 'to', 'why'],
      history.map(({ at, by, feature, reason }) => [at, by, changeText(feature), reason]),
    ),
  );
}

async function set(flag: string, setting: object, options: Options): Promise<void> {
  const body = { ...setting, create: options.create, ...whoAndWhy(options) };
  const view = await askGateway<FlagView>(openSystem(options.config), 'PUT', flagPath(flag), body);
  print(options, view, (flag) => green(`${flag.name} is ${stateText(flag)}`));
}

async function archive(path: string, options: Options): Promise<void> {
  const system = openSystem(options.config);
  const answer = await askGateway<{ archived: string }>(system, 'DELETE', path, whoAndWhy(options));
  print(options, answer, ({ archived }) => green(`${archived} is archived`));
}

async function listSegments(options: Options): Promise<void> {
  const answer = await askGateway<{ segments: SegmentView[] }>(openSystem(options.config), 'GET', '/api/segments');
  print(options, answer, ({ segments }) =>
    table(
      ['id', 'segment', 'constraints', 'used by'],
      segments.map(({ id, name, constraints, usedBy }) => [
        String(id),
        name,
        String(constraints.length),
        usedBy.join(', ') || 'nobody',
      ]),
    ),
  );
}

async function defineSegment(segment: string, definition: object, options: Options): Promise<void> {
  const body = { ...definition, ...whoAndWhy(options) };
  const view = await askGateway<SegmentView>(openSystem(options.config), 'PUT', segmentPath(segment), body);
  print(options, view, ({ id, name }) => green(`segment ${name} is defined; strategies name it by the id ${id}`));
}

function stateText({ enabled, known, strategies }: FlagView): string {
  if (!known) return `off ${dim('(never set)')}`;
  return enabled ? `on (${strategiesText({ strategies })})` : 'off';
}

function changeText(feature: FlagChange['feature']): string {
  if (!feature) return 'archived';
  return feature.enabled ? `on (${strategiesText(feature)})` : 'off';
}

function percentage(text: string): number {
  const value = /^\d+(\.\d+)?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (value >= 0 && value <= 100) return value;
  throw new InvalidArgumentError(`found ${JSON.stringify(text)}, expected a percentage from 0% to 100%.`);
}

/** The object that a file holds. Throws a CommandError that names the file. */
function readJson(path: string): object {
  const where = path === '-' ? 'standard input' : path;
  try {
    const value: unknown = JSON.parse(readFileSync(path === '-' ? 0 : path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw new CommandError(`cannot read ${where}: ${(error as Error).message}`);
  }
  throw new CommandError(`found no JSON object in ${where}, expected such as {"enabled": true, "strategies": []}`);
}
