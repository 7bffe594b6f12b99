import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { until } from '../until.ts';

/** A client of GET /update over SSE, as far as tests need one. */
export interface SseClient {
  readonly status: number;
  readonly events: readonly RecordedEvent[];
  /** The last id seen, of events and heartbeats. */
  lastEventId(): string | undefined;
  /** Resolves when this many events have come. */
  received(count: number): Promise<true>;
  /** Whether the server has ended the feed. */
  ended(): boolean;
  /** Cuts the connection. */
  cut(): void;
}

/** Opens a feed and resolves when the answer's headers are there. */
export async function openSse(url: string, lastEventId?: string): Promise<SseClient> {
  const controller = new AbortController();
  const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const response = await fetch(url, { signal: controller.signal, headers });
  const events: RecordedEvent[] = [];
  const state: { id: string | undefined; ended: boolean } = { id: undefined, ended: false };
  void readBlocks(response, (block) => {
    state.id = /^id: (.*)$/m.exec(block)?.[1] ?? state.id;
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (data !== undefined) events.push(JSON.parse(data));
  })
    .catch(() => undefined)
    .finally(() => {
      state.ended = true;
    });
  return {
    status: response.status,
    events,
    lastEventId: () => state.id,
    received: (count) => until(() => events.length >= count),
    ended: () => state.ended,
    cut: () => controller.abort(),
  };
}

async function readBlocks(response: Response, take: (block: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const chunk of response.body!) {
    pending += decoder.decode(chunk, { stream: true });
    const blocks = pending.split('\n\n');
    pending = blocks.pop()!;
    for (const block of blocks) take(block);
  }
}
