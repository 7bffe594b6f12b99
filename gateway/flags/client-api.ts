import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Journal } from '../journal/journal.ts';
import { type JournalState, segmentNamed } from '../journal/journal-state.ts';
import { type MigrationEvent, readMigrationEvent } from '../journal/migration-event.ts';
import type { Feature } from './feature.ts';

/** A comment keeps intermediaries and clients from taking a quiet stream for a dead one; unleash-client gives up after 60 s. */
const heartbeatMs = 15_000;
/** A listener that reads slower than this much behind is cut; it connects again and is given everything. */
const maxUnsentBytes = 1024 * 1024;

/** All flags as one body, and its tag. */
export interface FeaturesAnswer {
  readonly body: string;
  /** The same exactly as long as the body is. */
  readonly etag: string;
}

/**
 * The built-in flags as Unleash's client API tells them, so that any Unleash SDK can take its flags from the gateway.
 * https://docs.getunleash.io/reference/api/unleash/client
 */
export class FlagClientApi {
  readonly #journal: Journal;
  readonly #listeners = new Set<ServerResponse>();
  readonly #unsubscribe: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  #answers: { readonly revision: number; readonly whole: FeaturesAnswer; readonly inlined: FeaturesAnswer } | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
    this.#unsubscribe = journal.subscribe((state, event) => this.#tell(state, readMigrationEvent(event)));
    this.#heartbeat = setInterval(() => this.#sendAll(':\n\n'), heartbeatMs).unref();
  }

  /** The answer to `GET /client/features`; with the segments' constraints in the strategies for SDKs that know no segments. */
  features(knowsSegments: boolean): FeaturesAnswer {
    const { state } = this.#journal;
    if (this.#answers?.revision !== state.flagsRevision) {
      this.#answers = {
        revision: state.flagsRevision,
        whole: answerOf([...state.flags.values()], [...state.segments.values()]),
        inlined: answerOf(
          [...state.flags.values()].map((feature) => withSegmentsInlined(feature, state)),
          [],
        ),
      };
    }
    return knowsSegments ? this.#answers.whole : this.#answers.inlined;
  }

  /**
   * Answers `GET /client/streaming` until either side ends it: server-sent events `unleash-connected` with all flags, then
   * `unleash-updated` for each change. A client that comes back is given everything, whatever it has seen.
   */
  stream(response: ServerResponse): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const { flags, segments, flagsRevision: eventId } = this.#journal.state;
    const hydration = { type: 'hydration', eventId, features: [...flags.values()], segments: [...segments.values()] };
    response.write(message('unleash-connected', eventId, { events: [hydration] }));
    this.#listeners.add(response);
    response.once('close', () => this.#listeners.delete(response));
  }

  /** Ends every stream. */
  stop(): void {
    this.#unsubscribe();
    clearInterval(this.#heartbeat);
    for (const listener of this.#listeners) listener.end();
  }

  #tell(state: JournalState, event: MigrationEvent | undefined): void {
    const eventId = state.offset;
    const change = event && changeOf(event, state);
    if (change) this.#sendAll(message('unleash-updated', eventId, { events: [{ ...change, eventId }] }));
  }

  #sendAll(text: string): void {
    for (const listener of this.#listeners) {
      if (listener.writableLength > maxUnsentBytes) listener.destroy();
      else listener.write(text);
    }
  }
}

/** A change as the stream tells it; undefined when it is none of flags. */
function changeOf({ action, data }: MigrationEvent, state: JournalState): object | undefined {
  switch (action) {
    case 'flag-changed':
      return { type: 'feature-updated', feature: data.feature };
    case 'flag-archived':
      return { type: 'feature-removed', featureName: data.flag, project: 'default' };
    case 'segment-changed':
      return { type: 'segment-updated', segment: segmentNamed(state, data.segment.name) };
    case 'segment-archived':
      return { type: 'segment-removed', segmentId: data.id };
    default:
      return undefined;
  }
}

function answerOf(features: readonly Feature[], segments: readonly object[]): FeaturesAnswer {
  const body = JSON.stringify({ version: 2, features, segments, query: {} });
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { body, etag };
}

/** A segment that is missing is never met: neither is an `IN` without values. */
const nobody = { contextName: 'userId', operator: 'IN', values: [], inverted: false };

function withSegmentsInlined(feature: Feature, { segments }: JournalState): Feature {
  return {
    ...feature,
    strategies: feature.strategies.map(({ segments: ids = [], ...strategy }) => ({
      ...strategy,
      constraints: [...strategy.constraints, ...ids.flatMap((id) => segments.get(id)?.constraints ?? [nobody])],
    })),
  };
}

function message(event: string, id: number, data: object): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
