import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { until } from '../until.ts';
import { openSse, type SseClient } from './sse-client.ts';
import { append, event, startTestServices, type TestServices } from './test-services.ts';

let services: TestServices;
const clients: { cut(): void }[] = [];

beforeEach(async () => {
  services = await startTestServices({}, { updatePace: { heartbeatMs: 200, stallMs: 300 } });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.cut();
  await services.stop();
});

async function sse(query: string, lastEventId?: string): Promise<SseClient> {
  const client = await openSse(`${services.url}/update${query}`, lastEventId);
  clients.push(client);
  return client;
}

interface WebSocketClient {
  readonly socket: WebSocket;
  readonly events: readonly RecordedEvent[];
  received(count: number): Promise<true>;
}

async function webSocket(query: string): Promise<WebSocketClient> {
  const socket = new WebSocket(`${services.url.replace('http', 'ws')}/update${query}`);
  const events: RecordedEvent[] = [];
  socket.on('message', (message) => events.push(JSON.parse(String(message))));
  clients.push({ cut: () => socket.terminate() });
  await once(socket, 'open');
  return { socket, events, received: (count) => until(() => events.length >= count) };
}

const note = (id: number) => event('shipment-note-added', { 'note-id': id, author: 'alice', body: `note ${id}` });
const appendNotes = async (from: number, to: number, stream = 'shipment-7') => {
  for (let id = from; id <= to; id++) await append(services.log, stream, note(id));
};
/** 200 kB each, more in all than the buffers of two sockets take; in streams that no projection reads. */
const appendLargeEvents = async (count: number) => {
  const text = 'x'.repeat(200_000);
  for (let id = 1; id <= count; id++) await append(services.log, `other-${id}`, event('other-happened', { text }));
};
const noteIds = (events: readonly RecordedEvent[]) => events.map(({ data }) => data['note-id']);
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('GET /update as server-sent events', () => {
  test('gives what is there, then what comes, each once and in order', async () => {
    await appendNotes(1, 20);
    const client = await sse('?after=domain/0/0');
    await appendNotes(21, 40);
    await client.received(40);
    expect(noteIds(client.events)).toEqual(numbers(1, 40));
    expect(client.events[0]).toMatchObject({
      action: 'shipment-note-added',
      meta: { address: { offset: 1 }, version: 1 },
    });
  });

  test('without a place gives only what comes', async () => {
    await appendNotes(1, 5);
    const client = await sse('');
    await until(() => client.lastEventId() === 'domain/0/5');
    await appendNotes(6, 7);
    await client.received(2);
    expect(noteIds(client.events)).toEqual([6, 7]);
  });

  test('resumes without gap or double after any number of cuts, while events come', async () => {
    const seen: RecordedEvent[] = [];
    const appending = appendNotes(1, 200);
    let last = 'domain/0/0';
    while (seen.length < 200) {
      const client = await sse('?after=domain/0/0', last);
      await client.received(Math.min(30, 200 - seen.length));
      client.cut();
      const taken = client.events.slice();
      seen.push(...taken);
      const { topic, partition, offset } = taken.at(-1)!.meta.address;
      last = `${topic}/${partition}/${offset}`;
    }
    await appending;
    expect(noteIds(seen)).toEqual(numbers(1, 200));
  });

  test('is filtered by stream and action, and a heartbeat moves the place to resume from past what was filtered out', async () => {
    const client = await sse('?stream=shipment-7&stream=shipment-8&action=shipment-note-added&after=domain/0/0');
    await appendNotes(1, 1, 'shipment-7');
    await appendNotes(2, 2, 'shipment-9');
    await append(services.log, 'shipment-8', event('shipment-deleted', {}));
    await appendNotes(3, 3, 'shipment-8');
    await appendNotes(4, 6, 'shipment-9');
    await client.received(2);
    expect(noteIds(client.events)).toEqual([1, 3]);
    await until(() => client.lastEventId() === 'domain/0/7');
  });

  test.each([
    ['?after=7', undefined, 400, 'malformed-position'],
    ['?after=commands/0/1', undefined, 400, 'malformed-position'],
    ['', 'nonsense', 400, 'malformed-position'],
    ['?after=domain/0/99', undefined, 409, 'not-yet-at-position'],
    ['?after=domain.2/0/1', undefined, 410, 'position-of-another-generation'],
  ])('refuses %s %s', async (query, lastEventId, status, code) => {
    const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const answer = await fetch(`${services.url}/update${query}`, { headers });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
  });

  test('ends when the services stop', async () => {
    const client = await sse('');
    await services.stop();
    await until(() => client.ended());
    services = await startTestServices();
  });

  test('cuts a client that does not read, and holds nothing for it', async () => {
    await appendLargeEvents(60);
    const socket = connect(services.port, '127.0.0.1');
    socket.pause();
    socket.write('GET /update?after=domain/0/0 HTTP/1.1\r\nhost: x\r\n\r\n');
    clients.push({ cut: () => socket.destroy() });
    await until(async () => (await gauge('strangler_update_clients_cut_total{transport="sse"}')) === 1);
    expect(await gauge('strangler_update_clients{transport="sse"}')).toBe(0);
  });
});

async function gauge(name: string): Promise<number> {
  const text = await (await fetch(`${services.url}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.split(' ')[1] ?? 0,
  );
}

describe('GET /update as WebSocket', () => {
  test('gives what is there, then what comes, each once and in order', async () => {
    await appendNotes(1, 20);
    const client = await webSocket('?after=domain/0/0');
    await appendNotes(21, 40);
    await client.received(40);
    expect(noteIds(client.events)).toEqual(numbers(1, 40));
  });

  test('resumes after the last message, filtered the same way', async () => {
    await appendNotes(1, 3, 'shipment-7');
    await appendNotes(4, 6, 'shipment-8');
    const client = await webSocket('?after=domain/0/2&stream=shipment-7&stream=shipment-8');
    await client.received(4);
    expect(noteIds(client.events)).toEqual([3, 4, 5, 6]);
    const filtered = await webSocket('?after=domain/0/0&stream=shipment-8');
    await filtered.received(3);
    expect(noteIds(filtered.events)).toEqual([4, 5, 6]);
  });

  test('stays open on a quiet log, because the client answers pings', async () => {
    const client = await webSocket('');
    let pings = 0;
    client.socket.on('ping', () => {
      pings += 1;
    });
    await until(() => pings >= 4);
    expect(client.socket.readyState).toBe(WebSocket.OPEN);
  });

  test('ends with 1001 when the services stop', async () => {
    const client = await webSocket('');
    const closed = once(client.socket, 'close');
    await services.stop();
    expect((await closed)[0]).toBe(1001);
    services = await startTestServices();
  });

  test('takes no messages and says so', async () => {
    const client = await webSocket('');
    client.socket.send('hello');
    expect((await once(client.socket, 'close'))[0]).toBe(1003);
  });

  test('cuts a client that does not read', async () => {
    await appendLargeEvents(60);
    const client = await webSocket('?after=domain/0/0');
    client.socket.pause();
    await until(async () => (await gauge('strangler_update_clients_cut_total{transport="websocket"}')) === 1);
    client.socket.resume();
    await once(client.socket, 'close');
    expect(client.events.length).toBeLessThan(60);
  });

  test.each([
    ['/update?after=7', 400],
    ['/update?after=domain/0/99', 409],
    ['/elsewhere', 426],
  ])('refuses %s with an answer', async (path, status) => {
    const socket = new WebSocket(`${services.url.replace('http', 'ws')}${path}`);
    const [, answer] = await once(socket, 'unexpected-response');
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    answer.destroy();
  });
});
