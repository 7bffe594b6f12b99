import { derivedId } from '../../contract/event-id.ts';
import { type AppendResult, type EventLog, LogError } from '../../contract/event-log.ts';
import { formatLogAddress, type History, historyOf } from '../../contract/log-address.ts';
import type { NewEvent, RecordedEvent } from '../../contract/recorded-event.ts';
import { ServicesError } from '../errors.ts';
import { type Decider, type Decision, fold } from './decider/decider.ts';

/** Writers to one stream are few; a command that lost this often meets a fault, not a race. */
const maxAttempts = 20;

/** A command as topic `commands` recorded it. */
export type RecordedCommand = RecordedEvent;

/** Where a domain event of a handled command stands. */
export interface EffectAddress {
  readonly id: string;
  readonly action: string;
  readonly stream: string;
  readonly version: number;
  /** `domain/0/1234` */
  readonly address: string;
}

/** How a command ended. */
export type Outcome =
  | { readonly kind: 'completed'; readonly events: readonly EffectAddress[] }
  | { readonly kind: 'rejected'; readonly reason: string; readonly detail: string };

/** The stream a command is about, with the rules that decide on it; or why there is none. */
export type Target<Command> =
  | { readonly kind: 'stream'; readonly stream: string; readonly command: Command }
  | { readonly kind: 'rejected'; readonly reason: string; readonly detail: string };

/** What command handling knows of a slice. */
export interface CommandHandling<State, Command> {
  readonly log: EventLog;
  readonly decider: Decider<State, Command>;
  /** Brings stored events to their current schema version. */
  readonly upcast: (event: RecordedEvent) => RecordedEvent;
  readonly now: () => Date;
  /** Finds the stream; asked again on each attempt, because a key may be taken meanwhile. */
  target(command: RecordedCommand): Promise<Target<Command>>;
}

/**
 * Handles one command: finds its stream, folds it, decides, appends with the expected version, and does so again on a conflict.
 * Guarantees: (1) the events carry ids derived from the command's, so however often it is handled, also after a kill at any point,
 * there is one effect; (2) a rejected command writes nothing. Throws `stream-too-busy` after twenty lost races.
 */
export async function handleCommand<State, Command>(
  handling: CommandHandling<State, Command>,
  command: RecordedCommand,
): Promise<Outcome> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const target = await handling.target(command);
    if (target.kind === 'rejected') return target;
    const domain = historyOf(await handling.log.head('domain'));
    const history = await loadStream(handling, domain, target.stream);
    const effects = effectsOf(command, history);
    if (effects.length > 0) return { kind: 'completed', events: effects };
    const decision = decideOn(handling, target.command, history);
    if (decision.kind === 'rejected') return decision;
    const events = nameEvents(command, decision.events, handling.now());
    const appended = await tryAppend(handling.log, domain, target.stream, history.length, events);
    if (appended) return { kind: 'completed', events: describeAppended(target.stream, events, appended) };
  }
  throw new ServicesError(
    'stream-too-busy',
    `command ${command.id}: lost ${maxAttempts} races for its stream in a row`,
  );
}

/** What the command would do now, without writing anything. */
export async function decideDry<State, Command>(
  handling: CommandHandling<State, Command>,
  command: RecordedCommand,
): Promise<{ readonly stream?: string; readonly decision: Decision }> {
  const target = await handling.target(command);
  if (target.kind === 'rejected') return { decision: target };
  const history = await loadStream(handling, 'domain', target.stream);
  return { stream: target.stream, decision: decideOn(handling, target.command, history) };
}

/** Id of the first event of a command; whether it is there tells whether the command took effect. */
export function firstEffectId(commandId: string): string {
  return derivedId(commandId, 0);
}

async function loadStream<State, Command>(
  { log, upcast }: CommandHandling<State, Command>,
  domain: History,
  stream: string,
): Promise<RecordedEvent[]> {
  return (await log.readStream(domain, stream)).map(upcast);
}

function decideOn<State, Command>(
  { decider }: CommandHandling<State, Command>,
  command: Command,
  history: readonly RecordedEvent[],
): Decision {
  return decider.decide(command, fold(decider, history));
}

function nameEvents(
  command: RecordedCommand,
  emitted: Extract<Decision, { kind: 'accepted' }>['events'],
  now: Date,
): readonly [NewEvent, ...NewEvent[]] {
  const { traceparent } = command.meta;
  const meta = {
    schema: 1,
    occurredAt: now.toISOString(),
    origin: 'new',
    ...(traceparent && { traceparent }),
  } as const;
  const name = (event: { action: string; data: NewEvent['data'] }, index: number): NewEvent => ({
    id: derivedId(command.id, index),
    parent: command.id,
    ...event,
    meta,
  });
  const [first, ...rest] = emitted;
  return [name(first, 0), ...rest.map((event, index) => name(event, index + 1))];
}

type Appended = Extract<AppendResult, { kind: 'appended' }>;

/**
 * Undefined when the race was lost: to another writer of the stream, to another processor handling the same command, or to another generation:
 * what was decided on the streams of one is not to be appended to those of the next.
 */
async function tryAppend(
  log: EventLog,
  domain: History,
  stream: string,
  version: number,
  events: readonly [NewEvent, ...NewEvent[]],
): Promise<Appended | undefined> {
  try {
    const [result] = await log.append(domain, [{ stream, expect: version === 0 ? 'none' : version, events }]);
    return result?.kind === 'appended' ? result : undefined;
  } catch (error) {
    if (error instanceof LogError && lostRace.has(error.code)) return undefined;
    throw error;
  }
}

const lostRace = new Set<LogError['code']>(['event-id-reused', 'generation-changed']);

function describeAppended(stream: string, events: readonly NewEvent[], appended: Appended): EffectAddress[] {
  const firstVersion = appended.version - events.length + 1;
  return events.map(({ id, action }, index) => ({
    id,
    action,
    stream,
    version: firstVersion + index,
    address: formatLogAddress(appended.addresses[index]!),
  }));
}

function effectsOf(command: RecordedCommand, history: readonly RecordedEvent[]): EffectAddress[] {
  return history
    .filter((event) => event.meta.origin === 'new' && event.parent === command.id)
    .map(({ id, action, meta }) => ({
      id,
      action,
      stream: meta.stream,
      version: meta.version,
      address: formatLogAddress(meta.address),
    }));
}
