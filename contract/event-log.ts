import type { Generations } from './generations.ts';
import type { Lease, Leases } from './lease.ts';
import type { History, LogAddress, Topic, TrimmedTopic } from './log-address.ts';
import type { Note, NoteChange } from './note.ts';
import type { NewEvent, RecordedEvent } from './recorded-event.ts';

/** What a stream must look like for an append to be accepted: an exact version, no stream yet, or anything. */
export type ExpectedVersion = number | 'none' | 'any';

/** Events for one stream, appended together or not at all. */
export interface StreamAppend {
  /** Where the stream is, when it is not in the topic that `append` is called for. */
  readonly topic?: Topic;
  readonly stream: string;
  readonly expect: ExpectedVersion;
  readonly events: readonly [NewEvent, ...NewEvent[]];
}

/**
 * The log's answer for one StreamAppend.
 * `appended`: all events are durable at these addresses. `duplicate`: all ids were there already, with the same payload; these are
 * the original addresses. `conflict`: the stream is at `actual`, nothing of this item was written.
 */
export type AppendResult =
  | { readonly kind: 'appended'; readonly version: number; readonly addresses: readonly LogAddress[] }
  | { readonly kind: 'duplicate'; readonly version: number; readonly addresses: readonly LogAddress[] }
  | { readonly kind: 'conflict'; readonly actual: number };

/** A named, remembered text (a source position, for instance) that is stored in the same atomic step as an append. */
export interface Cursor {
  readonly name: string;
  readonly value: string;
}

/** A cursor as stored, with the topic's head at that moment: everything that `value` covers stands at or before `head`. */
export interface StoredCursor extends Cursor {
  readonly head: LogAddress;
}

/** What a store can do; what it cannot it does not claim. */
export interface LogCapabilities {
  readonly partitions: number;
  /** Decides optimistic concurrency: `expect` is honoured. */
  readonly decides: boolean;
  /** A batch of several streams (and topics), and its cursor, become durable together. */
  readonly atomicAcrossStreams: boolean;
}

/** How much of a trimmed topic is kept: an event goes when it is older than `ageMs`, or when those after it fill `bytes` of payload. */
export interface Keep {
  readonly bytes: number;
  readonly ageMs: number;
}

/**
 * The immutable event log. Nothing is ever changed through it, and nothing deleted but the oldest events of a topic that is trimmed.
 *
 * Guarantees: (1) an `append` that resolved is durable, through SIGKILL and power loss; (2) offsets of a topic are gapless and become
 * visible in order, so a reader that has seen N misses nothing below N; (3) an event id is unique among what its topic keeps: the same
 * id with the same payload is answered `duplicate`, with another payload `append` throws LogError `event-id-reused` and writes nothing;
 * (4) several processes may hold the same log; (5) offsets and versions go on counting whatever was trimmed; (6) topic `domain` may pass to
 * another generation, in one step: addresses tell which one they belong to, and nothing is ever appended to one that is not current any more.
 */
export interface EventLog {
  readonly capabilities: LogCapabilities;
  readonly leases: Leases;
  readonly generations: Generations;
  /**
   * Appends each item; answers in the order given. `cursor` and `notes` are stored with the batch in one atomic step; when any item conflicts, the
   * whole batch, its cursor and its notes are left out and every item that would have been appended answers `conflict` with its own actual version.
   * With a `fence` nothing is written, and LogError `fenced` thrown, unless that lease is still the newest of its name. With one generation of
   * topic `domain` nothing is written, and LogError `generation-changed` thrown, unless that is the current one, or the one being built and
   * there is a fence.
   */
  append(
    topic: History,
    batch: readonly StreamAppend[],
    cursor?: Cursor,
    fence?: Lease,
    notes?: readonly NoteChange[],
  ): Promise<AppendResult[]>;
  /**
   * Up to `limit` events with offset > `after`, in order. Empty at the head; LogError `log-behind` when the head is before `after`,
   * `log-trimmed` when events behind `after` are gone.
   */
  read(topic: History, after: number, limit: number): Promise<RecordedEvent[]>;
  /** All events of one stream that are kept, in version order, from version `from` (default 1). */
  readStream(topic: History, stream: string, from?: number): Promise<RecordedEvent[]>;
  /** The event with this id, if the topic has it. */
  find(topic: History, id: string): Promise<RecordedEvent | undefined>;
  /**
   * Batches of events with offset > `after`, then live ones as they are appended by any process, until `signal` aborts (then it returns).
   * Throws like `read`; closing the log under a follower is `log-unavailable`. Of a generation that is not current any more every event is given,
   * then LogError `generation-changed` thrown: there is nothing more to follow.
   */
  follow(topic: History, after: number, signal: AbortSignal): AsyncIterable<readonly RecordedEvent[]>;
  /** Address of the last event; offset 0 when the topic is empty. */
  head(topic: History): Promise<LogAddress>;
  /** Address of the last event that was trimmed, offset 0 when all are there: whoever reads after it reads everything kept. */
  tail(topic: History): Promise<LogAddress>;
  /** Deletes the oldest events of a topic until no more is there than is to be kept, in small steps between which others append. Resolves to the tail. */
  trim(topic: TrimmedTopic, keep: Keep): Promise<LogAddress>;
  /** The cursor stored last under this name. */
  cursor(name: string): Promise<StoredCursor | undefined>;
  /** Up to `limit` notes of a scope with a name beyond `after` (the empty text for all), in the order of their names' bytes. */
  notes(scope: string, after: string, limit: number): Promise<Note[]>;
  /** Those notes of a scope that are there, of the names given, in no order. */
  notesNamed(scope: string, names: readonly string[]): Promise<Note[]>;
  close(): Promise<void>;
}

/** Why the log refused, and whether trying again can help. */
export class LogError extends Error {
  override readonly name = 'LogError';
  readonly code:
    | 'event-id-reused'
    | 'log-unavailable'
    | 'log-format-newer'
    | 'log-behind'
    | 'log-trimmed'
    | 'fenced'
    | 'generation-changed'
    | 'not-a-log';
  readonly retriable: boolean;
  constructor(code: LogError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.retriable = code === 'log-unavailable';
  }
}
