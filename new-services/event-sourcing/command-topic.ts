import type { Command } from '../../contract/envelope.ts';
import { derivedId } from '../../contract/event-id.ts';
import { type EventLog, LogError } from '../../contract/event-log.ts';
import { canonicalJson, type JsonObject } from '../../contract/json.ts';
import { formatLogAddress, type LogAddress } from '../../contract/log-address.ts';
import type { NewEvent, RecordedEvent } from '../../contract/recorded-event.ts';
import { ServicesError } from '../errors.ts';
import type { Outcome, RecordedCommand } from './handle-command.ts';

/**
 * How topic `commands` is laid out: one stream `command-ID` per command. Its first event is the command itself, under the command's own
 * id; its second, once the command is handled, is the outcome: `command-completed` or `command-rejected`.
 */
const streamOf = (commandId: string) => `command-${commandId}`;

/** Whether an event of topic `commands` is a command; the others are outcomes. */
export function isCommand(event: RecordedEvent): boolean {
  return event.meta.stream === streamOf(event.id);
}

/**
 * Makes a command durable and gives its address. The same command again gives the first one's address.
 * Throws `command-id-reused` when the id belongs to a command with another action or other data.
 */
export async function submitCommand(
  log: EventLog,
  command: Command,
  received: { readonly at: Date; readonly traceparent?: string },
): Promise<LogAddress> {
  const known = await log.find('commands', command.id);
  if (known) return sameCommand(known, command);
  try {
    const [result] = await log.append('commands', [
      { stream: streamOf(command.id), expect: 'any', events: [commandEvent(command, received)] },
    ]);
    if (result && result.kind !== 'conflict') return result.addresses[0]!;
  } catch (error) {
    // Two requests with one id raced past the look-up: whoever was first is the command.
    if (!(error instanceof LogError && error.code === 'event-id-reused')) throw error;
  }
  return sameCommand((await log.find('commands', command.id))!, command);
}

/** A command as it would be recorded; for a dry run, which records nothing. */
export function unrecordedCommand(command: Command, at: Date): RecordedCommand {
  const event = commandEvent(command, { at });
  const address = { topic: 'commands', partition: 0, offset: 0 } as const;
  return {
    ...event,
    meta: { ...event.meta, stream: streamOf(command.id), version: 1, recordedAt: at.toISOString(), address },
  };
}

function commandEvent(command: Command, { at, traceparent }: { at: Date; traceparent?: string }): NewEvent {
  const { id, action, data } = command;
  const meta = { schema: 1, occurredAt: at.toISOString(), origin: 'new', ...(traceparent && { traceparent }) } as const;
  return { id, parent: id, action, data, meta };
}

function sameCommand(known: RecordedEvent, { id, action, data }: Command): LogAddress {
  if (isCommand(known) && known.action === action && canonicalJson(known.data) === canonicalJson(data)) {
    return known.meta.address;
  }
  throw new ServicesError(
    'command-id-reused',
    `command id ${id}: found another payload under it at ${formatLogAddress(known.meta.address)}, ` +
      'expected the same action and data when an id is sent again',
  );
}

/** Where a command stands. */
export interface CommandStatus {
  readonly address: LogAddress;
  /** Undefined while it is pending. */
  readonly outcome?: { readonly address: LogAddress; readonly action: string; readonly data: JsonObject };
}

/** Undefined when no command with this id was ever accepted. */
export async function commandStatus(log: EventLog, commandId: string): Promise<CommandStatus | undefined> {
  const [command, outcome] = await log.readStream('commands', streamOf(commandId));
  if (!command) return undefined;
  const { address } = command.meta;
  if (!outcome) return { address };
  return { address, outcome: { address: outcome.meta.address, action: outcome.action, data: outcome.data } };
}

/** Resolves with the command's status when it has an outcome, or as it is when `signal` aborts. Sees outcomes written by any process. */
export async function awaitOutcome(
  log: EventLog,
  commandId: string,
  address: LogAddress,
  signal: AbortSignal,
): Promise<CommandStatus> {
  for await (const batch of log.follow('commands', address.offset, signal)) {
    if (batch.some((event) => event.meta.stream === streamOf(commandId))) break;
  }
  return (await commandStatus(log, commandId))!;
}

export function outcomeId(commandId: string): string {
  return derivedId(commandId, 'outcome');
}

/** Records how a command ended and, in the same atomic step, how far its processor is. */
export async function recordOutcome(
  log: EventLog,
  command: RecordedCommand,
  outcome: Outcome,
  { at, cursorName }: { readonly at: Date; readonly cursorName: string },
): Promise<void> {
  const event: NewEvent = {
    id: outcomeId(command.id),
    parent: command.id,
    action: outcome.kind === 'completed' ? 'command-completed' : 'command-rejected',
    data: outcomeData(outcome),
    meta: { ...commandMeta(command), occurredAt: at.toISOString() },
  };
  await log.append('commands', [{ stream: streamOf(command.id), expect: 1, events: [event] }], {
    name: cursorName,
    value: String(command.meta.address.offset),
  });
}

function commandMeta({
  meta: { traceparent },
}: RecordedCommand): Pick<NewEvent['meta'], 'schema' | 'origin' | 'traceparent'> {
  return { schema: 1, origin: 'new', ...(traceparent && { traceparent }) };
}

function outcomeData(outcome: Outcome): JsonObject {
  return outcome.kind === 'completed'
    ? { events: outcome.events.map((event) => ({ ...event })) }
    : { reason: outcome.reason, detail: outcome.detail };
}
