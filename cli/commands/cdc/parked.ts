import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import { parkingReasons } from '../../../cdc-bridge/errors.ts';
import type { ParkedChange } from '../../../cdc-bridge/parking/parked-change.ts';
import { ParkedChanges } from '../../../cdc-bridge/parking/parked-changes.ts';
import { restoredStep } from '../../../cdc-bridge/parking/parked-step.ts';
import { answerTo, askFor, type ParkingAnswer, type ParkingWish } from '../../../cdc-bridge/parking/parking-request.ts';
import type { EventLog } from '../../../contract/event-log.ts';
import { CommandError } from '../../admin-client.ts';
import { bridgeConfig } from '../../bridge-slice.ts';
import { bold, dim, print } from '../../print.ts';
import { openSystem } from '../../system.ts';
import { untilStopped } from '../../until-stopped.ts';
import { openExistingLog, wholeNumber } from '../events.ts';

/** How long a command waits for the bridge to do what was asked for. */
const waitMs = 10_000;

interface GlobalOptions {
  config: string;
  json?: boolean;
}

interface SelectionOptions extends GlobalOptions {
  stream?: string;
  all?: boolean;
}

/** What a parked change is shown with: its image, and the transaction that it came in. */
interface ShownChange extends ParkedChange {
  readonly change: unknown;
  readonly committedAt: string;
  readonly rowsOfTransaction: number;
}

/**
 * `strangler cdc parked`: row changes that were set aside. It reads and writes the log alone, so it works whether the bridge runs or not; what is
 * asked for is done by the bridge, at once or when it is started.
 */
export function addParked(cdc: Command): void {
  const parked = cdc
    .command('parked')
    .description('row changes that were set aside: list them')
    .option('--limit <n>', 'how many are listed', wholeNumber, 100)
    .action((_options, command: Command) => list(command.optsWithGlobals<GlobalOptions & { limit: number }>()));
  parked
    .command('show <id>')
    .description('one change with its row images; the first characters of its id will do')
    .action((id: string, _options, command: Command) => show(id, command.optsWithGlobals<GlobalOptions>()));
  withSelection(parked.command('retry [id...]'))
    .description('map changes again with the mapping of today, and append their events in order')
    .action((ids: string[], _options, command: Command) => {
      const options = command.optsWithGlobals<SelectionOptions>();
      return ask(ids, options, { what: 'retry' });
    });
  withSelection(parked.command('skip [id...]'))
    .description('give changes up; what waits behind them follows')
    .requiredOption('--reason <text>', 'why; it stays on the log')
    .action((ids: string[], _options, command: Command) => {
      const { reason, ...options } = command.optsWithGlobals<SelectionOptions & { reason: string }>();
      return ask(ids, options, { what: 'skip', reason });
    });
}

function withSelection(command: Command): Command {
  return command
    .addOption(new Option('--stream <stream>', 'all of this stream').conflicts('all'))
    .option('--all', 'all there are');
}

async function list(options: GlobalOptions & { limit: number }): Promise<void> {
  await withParked(options, async (_log, parked) => {
    const changes = parked.list(options.limit);
    print(options, { count: parked.count, changes }, () => describeList(parked.count, changes));
  });
}

async function show(id: string, options: GlobalOptions): Promise<void> {
  await withParked(options, async (log, parked) => {
    print(options, await shownChange(log, theOne(parked, id)), describeOne);
  });
}

async function ask(
  ids: readonly string[],
  { stream, all, ...options }: SelectionOptions,
  wish: Pick<ParkingWish, 'what' | 'reason'>,
): Promise<void> {
  await withParked(options, async (log, parked) => {
    const selection = selectionOf(parked, ids, stream, all);
    const { offset } = await log.head('parked');
    const request = await askFor(log, parked.bridge, { ...wish, selection, by: userInfo().username });
    let answer: ParkingAnswer | undefined;
    await untilStopped(async (signal) => {
      answer = await answerTo(log, request, offset, AbortSignal.any([signal, AbortSignal.timeout(waitMs)]));
    });
    print(options, answer ?? { request, answered: false }, () => describeAnswer(answer));
  });
}

/** Opens the log and what is parked on it for as long as `work` needs them. */
async function withParked(
  { config }: GlobalOptions,
  work: (log: EventLog, parked: ParkedChanges) => Promise<void>,
): Promise<void> {
  const system = openSystem(config);
  if (!system.addresses.bridge)
    throw new CommandError('this configuration has no legacy.database, so there is no bridge');
  const log = await openExistingLog(system);
  try {
    await work(log, await ParkedChanges.load(log, bridgeConfig(system.configuration).name));
  } finally {
    await log.close();
  }
}

function selectionOf(
  parked: ParkedChanges,
  given: readonly string[],
  stream: string | undefined,
  all: boolean | undefined,
): ParkingWish['selection'] {
  const [first, ...rest] = given.map((id) => theOne(parked, id).id);
  if (Number(first !== undefined) + Number(stream !== undefined) + Number(all === true) !== 1)
    throw new CommandError('say which changes are meant: ids, or --stream, or --all; one of them');
  if (first !== undefined) return { ids: [first, ...rest] };
  return stream === undefined ? { all: true } : { stream };
}

/** The parked change whose id begins like this. */
function theOne(parked: ParkedChanges, beginning: string): ParkedChange {
  const found = [...parked.all()].filter(({ id }) => id.startsWith(beginning));
  if (found.length === 1) return found[0]!;
  const count = found.length === 0 ? 'no parked change' : `${found.length} parked changes`;
  throw new CommandError(`found ${count} with an id that begins with ${beginning}. List them: strangler cdc parked`);
}

async function shownChange(log: EventLog, change: ParkedChange): Promise<ShownChange> {
  const event = (await log.find('parked', change.keptIn))!;
  const { rows } = restoredStep(event);
  return { ...change, change: rows[change.index], committedAt: event.meta.occurredAt, rowsOfTransaction: rows.length };
}

function describeList(count: number, changes: readonly ParkedChange[]): string {
  if (count === 0) return 'nothing is parked';
  const reasons = [...new Set(changes.map(({ reason }) => reason))];
  return [
    `${count} row changes are parked${changes.length < count ? `; the first ${changes.length}` : ''}:`,
    ...changes.map(
      (change) => `  ${dim(change.id.slice(0, 13))}  ${placeOf(change)}  ${change.reason}: ${change.detail}`,
    ),
    '',
    ...reasons.map((reason) => `${bold(reason)}  ${parkingReasons[reason]}`),
  ].join('\n');
}

/** Where a parked change belongs, in the most telling words there are. */
export function placeOf({ streams, row, table }: ParkedChange): string {
  return streams.length > 0 ? streams.join(', ') : (row ?? table ?? 'unknown table');
}

function describeOne({ change, committedAt, rowsOfTransaction, ...parked }: ShownChange): string {
  return [
    `${bold(parked.id)}  ${placeOf(parked)}`,
    `${bold(parked.reason)}: ${parked.detail}`,
    parkingReasons[parked.reason],
    `${bold('transaction')}  ${parked.transaction} of ${committedAt}, ${rowsOfTransaction} row changes`,
    `${bold('change')}  ${change === undefined ? 'its rows are not known' : JSON.stringify(change, null, 2)}`,
  ].join('\n');
}

function describeAnswer(answer: ParkingAnswer | undefined): string {
  if (!answer)
    return 'It is asked for on the log. No bridge has done it so far: one does as soon as it runs and follows the binlog.';
  const { released, skipped, stillParked } = answer;
  return `${released} released, ${skipped} skipped, ${stillParked} of those that were meant still parked`;
}
