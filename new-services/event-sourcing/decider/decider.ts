import type { JsonObject } from '../../../contract/json.ts';
import type { RecordedEvent } from '../../../contract/recorded-event.ts';

/** An event as a decider emits it; id, parent and time are given when it is appended. */
export interface EmittedEvent {
  readonly action: string;
  readonly data: JsonObject;
}

/** What a decider needs to know of an event that happened. */
export interface PastEvent extends EmittedEvent {
  readonly meta: Pick<RecordedEvent['meta'], 'occurredAt'>;
}

/** The answer to a command: events to append, or the business rule that forbids it. */
export type Decision =
  | { readonly kind: 'accepted'; readonly events: readonly [EmittedEvent, ...EmittedEvent[]] }
  | { readonly kind: 'rejected'; readonly reason: string; readonly detail: string };

/**
 * The rules of one kind of stream. All three are pure: time, keys and estimates come in with the command.
 * `evolve` is total: it takes any event, also of legacy origin, and never throws; one it does not know changes nothing.
 */
export interface Decider<State, Command> {
  readonly initialState: State;
  decide(command: Command, state: State): Decision;
  evolve(state: State, event: PastEvent): State;
}

/** The state after these events. */
export function fold<State>(
  { initialState, evolve }: Pick<Decider<State, never>, 'initialState' | 'evolve'>,
  events: readonly PastEvent[],
): State {
  return events.reduce(evolve, initialState);
}

export function accepted(action: string, data: JsonObject): Decision {
  return { kind: 'accepted', events: [{ action, data }] };
}

export function rejected(reason: string, detail: string): Decision {
  return { kind: 'rejected', reason, detail };
}
