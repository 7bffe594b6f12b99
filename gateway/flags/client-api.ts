import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Journal } from '../journal/journal.ts';
import { readMigrationEvent } from '../journal/migration-event.ts';
import type { Feature } from './feature.ts';

/** A comment keeps intermediaries and clients from taking a quiet stream for a dead one; unleash-client gives up after 60 s. */
const heartbeatMs = 15_000;
/** A listener that reads slower than this much behind is cut; it connects again and is given everything. */
const maxUnsentBytes = 1024 * 1024;

/**
 * The built-in flags as Unleash's client API tells them, so that any Unleash SDK can take its flags from the gateway.
 * https://docs.getunleash.io/reference/api/unleash/client
 */
export class FlagClientApi {
  readonly #journal: Journal;
  readonly #listeners = new Set<ServerResponse>();
  readonly #unsubscribe: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  #answer: { readonly flags: ReadonlyMap<string, Feature>; readonly body: string; readonly etag: string } | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
    this.#unsubscribe = journal.subscribe((_, event) => {
      const read = readMigrationEvent(event);
      if (read?.action === 'flag-changed') this.#tellAll(read.data.feature, event.meta.address.offset);
    });
    this.#heartbeat = setInterval(() => this.#sendAll(':\n\n'), heartbeatMs).unref();
  }

  /** The answer to `GET /client/features`: all flags, and a tag that is the same exactly as long as they are. */
  features(): { readonly body: string; readonly etag: string } {
    const { flags } = this.#journal.state;
    if (this.#answer?.flags === flags) return this.#answer;
    const body = JSON.stringify({ version: 2, features: [...flags.values()], segments: [], query: {} });
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    this.#answer = { flags, body, etag };
    return this.#answer;
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
    const { flags, flagsRevision } = this.#journal.state;
    const hydration = { type: 'hydration', eventId: flagsRevision, features: [...flags.values()], segments: [] };
    response.write(message('unleash-connected', flagsRevision, { events: [hydration] }));
    this.#listeners.add(response);
    response.once('close', () => this.#listeners.delete(response));
  }

  /** Ends every stream. */
  stop(): void {
    this.#unsubscribe();
    clearInterval(this.#heartbeat);
    for (const listener of this.#listeners) listener.end();
  }

  #tellAll(feature: Feature, eventId: number): void {
    this.#sendAll(message('unleash-updated', eventId, { events: [{ type: 'feature-updated', eventId, feature }] }));
  }

  #sendAll(text: string): void {
    for (const listener of this.#listeners) {
      if (listener.writableLength > maxUnsentBytes) listener.destroy();
      else listener.write(text);
    }
  }
}

function message(event: string, id: number, data: object): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
