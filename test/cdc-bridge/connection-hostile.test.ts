import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../cdc-bridge/errors.ts';
import { openBinlogStream } from '../../cdc-bridge/source/binlog/connection/open-binlog-stream.ts';
import type { BinlogRequest } from '../../cdc-bridge/source/binlog/event-stream.ts';
import type { ConnectionSettings } from '../../cdc-bridge/source/connection-settings.ts';
import {
  answer,
  asPayload,
  conversation,
  endPayload,
  errorPayload,
  type FakeDatabase,
  fakeDatabase,
  fakeEvent,
  greetingPayload,
  rotateEvent,
} from './fake-database.ts';

let databases: FakeDatabase[] = [];

afterEach(async () => {
  await Promise.all(databases.map((database) => database.stop()));
  databases = [];
});

async function database(...of: Parameters<typeof fakeDatabase>): Promise<FakeDatabase> {
  const started = await fakeDatabase(...of);
  databases.push(started);
  return started;
}

const request: BinlogRequest = {
  serverId: 7,
  from: { kind: 'gtid', flavour: 'mariadb', gtids: '0-1-5' },
  heartbeatMs: 30,
  until: 'end',
  maxEventBytes: 1_000,
};

const events = [rotateEvent, fakeEvent(15, Buffer.alloc(60), 100), fakeEvent(2, Buffer.alloc(200), 300)];
const wholeDump = answer(1, ...events.map(asPayload), endPayload);

/** How many events came, and how it ended. */
async function read(
  settings: ConnectionSettings,
  changes: Partial<BinlogRequest> = {},
): Promise<{ events: number; error?: BridgeError }> {
  let count = 0;
  try {
    const stream = await openBinlogStream(settings, { ...request, ...changes }, AbortSignal.timeout(20_000));
    for await (const batch of stream.batches()) count += batch.length;
    return { events: count };
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    return { events: count, error };
  }
}

it('reads what a well-behaved server says, up to the end', async () => {
  const { settings } = await database(conversation(wholeDump));
  expect(await read(settings)).toEqual({ events: 3 });
});

it('tells of a connection that is closed at any byte of the conversation', async () => {
  const parts = conversation(wholeDump);
  const total = Buffer.concat(parts).length;
  for (let from = 0; from < total; from += 40) {
    const outcomes = await Promise.all(
      Array.from({ length: Math.min(40, total - from) }, async (_, index) => {
        const short = upTo(parts, from + index);
        return read((await database(short, (socket) => socket.end())).settings);
      }),
    );
    for (const { error } of outcomes) expect(error?.code).toBe('legacy-unreachable');
  }
});

/** The first bytes of the conversation; the last part is the one that is cut. */
function upTo(parts: readonly Buffer[], bytes: number): Buffer[] {
  const short: Buffer[] = [];
  let left = bytes;
  for (const part of parts) {
    short.push(part.subarray(0, left));
    if (part.length >= left) return short;
    left -= part.length;
  }
  return short;
}

/** Mulberry32: the same numbers for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function mutated(parts: readonly Buffer[], next: (below: number) => number): Buffer[] {
  const changed = parts.map((part) => Buffer.from(part));
  for (let count = 1 + next(4); count > 0; count--) {
    const part = changed[next(changed.length)]!;
    part[next(part.length)] = next(256);
  }
  return changed;
}

it('ends with a typed error or with events, never else, whatever bytes a server sends', async () => {
  const parts = conversation(wholeDump);
  for (let seed = 0; seed < 600; seed += 60) {
    const ended = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const { settings } = await database(mutated(parts, numbers(seed + index)));
        const { error } = await read({ ...settings, connectTimeoutMs: 200 });
        return { seed: seed + index, message: error?.message ?? '' };
      }),
    );
    for (const { seed: found, message } of ended) expect(message, `seed ${found}`).not.toContain('undefined');
  }
}, 60_000);

it('says that the other side is no database', async () => {
  const http = await database([Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')], (socket) =>
    socket.end(),
  );
  const { error } = await read(http.settings);
  expect(error?.code).toBe('legacy-unreachable');
  expect(error?.message).toContain('not the MySQL protocol');
});

it('gives up on a server that says nothing, and says in which step', async () => {
  const mute = await database([answer(0, greetingPayload())]);
  const { error } = await read({ ...mute.settings, connectTimeoutMs: 100 });
  expect(error?.message).toContain('no answer within 100 ms while logging in');
});

it('gives up on a dump that falls silent', async () => {
  const { settings } = await database(conversation(answer(1, asPayload(rotateEvent))));
  const { events: count, error } = await read(settings, { until: 'live' });
  expect([count, error?.code]).toEqual([1, 'legacy-unreachable']);
  expect(error?.message).toContain('nothing heard for 4 heartbeats of 30 ms');
});

it('names size, limit and place of an event that is too large', async () => {
  const huge = answer(
    1,
    asPayload(rotateEvent),
    asPayload(fakeEvent(2, Buffer.alloc(81), 300)),
    asPayload(fakeEvent(2, Buffer.alloc(2_000))),
  );
  const { settings } = await database(conversation(huge));
  const { events: count, error } = await read(settings);
  expect([count, error?.code]).toEqual([2, 'event-too-large']);
  expect(error?.message).toContain('binlog binlog.000042 after position 300: found an event of 2019 bytes');
  expect(error?.message).toContain('allows 1000');
});

it('hears out no server that never stops answering', async () => {
  const parts = conversation(wholeDump).slice(0, 2);
  const rows = answer(
    4,
    ...Array.from({ length: 40 }, () => Buffer.concat([Buffer.of(0xfd, 0, 0xf0, 0), Buffer.alloc(0xf000)])),
  );
  const columns = answer(1, Buffer.of(1), Buffer.from('\x03def'), endPayload);
  const { settings } = await database([...parts, Buffer.concat([columns, rows])]);
  const { error } = await read(settings);
  expect(error?.code).toBe('legacy-unreachable');
  expect(error?.message).toContain('no end of answers');
});

it('does not take 4 GB for an event that says it has them', async () => {
  const lie = Buffer.alloc(19);
  lie.writeUInt32LE(0xffff_fff0, 9);
  const packet = Buffer.concat([Buffer.of(0xff, 0xff, 0xff, 1), asPayload(lie)]);
  const { settings } = await database(conversation(packet));
  const { error } = await read(settings, { maxEventBytes: 2 ** 30 });
  expect(error?.code).toBe('event-too-large');
});

it('says no word of the account to a server without TLS when TLS is asked for', async () => {
  const heard: Buffer[] = [];
  const { settings } = await database([answer(0, greetingPayload())], (socket) =>
    socket.on('data', (chunk) => heard.push(chunk)),
  );
  const { error } = await read({ ...settings, tls: { verify: 'none' } });
  expect(error?.code).toBe('legacy-tls');
  expect(error?.message).toContain('offers no TLS');
  expect(heard).toEqual([]);
});

describe('what the server refuses', () => {
  const refusals: [number, string, string][] = [
    [1236, 'Could not find first log file name in binary log index file', 'position-not-on-server'],
    [
      1236,
      'The replica is connecting using CHANGE REPLICATION SOURCE, but the source has purged binary logs',
      'position-not-on-server',
    ],
    [1236, 'A slave with the same server_uuid/server_id as this slave has connected to the master', 'server-id-taken'],
    [4052, 'A slave with the same server_uuid/server_id is already connected', 'server-id-taken'],
    [1236, 'log event entry exceeded max_allowed_packet; Increase max_allowed_packet on source', 'event-too-large'],
    [
      1236,
      'Replica has more GTIDs than the source has. This may indicate that the end of the binary log was truncated',
      'position-not-on-server',
    ],
    [1236, 'binlog truncated in the middle of event', 'binlog-undecodable'],
    [1236, 'event read from binlog did not pass crc check', 'binlog-undecodable'],
    [1789, 'Cannot replicate because the source purged required binary logs', 'position-not-on-server'],
    [1955, 'An attempt was made to binlog GTID which would create an out-of-order', 'position-not-on-server'],
    [1227, 'Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s)', 'legacy-refused'],
    [1927, 'Connection was killed', 'legacy-unreachable'],
    [1053, 'Server shutdown in progress', 'legacy-unreachable'],
    [9999, 'something new', 'binlog-undecodable'],
  ];
  it.each(refusals)('error %i, %s, is %s', async (number, message, code) => {
    const { settings } = await database(conversation(answer(1, errorPayload(number, message))));
    const { error } = await read(settings);
    expect([error?.code, error?.retriable]).toEqual([code, code === 'legacy-unreachable']);
    expect(error?.message).toContain(message);
  });

  it('is told with the events that came before it', async () => {
    const killed = answer(1, ...events.map(asPayload), errorPayload(1927, 'Connection was killed'));
    const { settings } = await database(conversation(killed));
    expect(await read(settings)).toMatchObject({ events: 3, error: { code: 'legacy-unreachable' } });
  });

  it('may be the plugin of the account: its name and those that are known are told', async () => {
    const gssapi = Buffer.concat([Buffer.of(0xfe), Buffer.from('auth_gssapi_client\0principal\0')]);
    const { settings } = await database([answer(0, greetingPayload()), answer(2, gssapi)]);
    const { error } = await read(settings);
    expect(error?.code).toBe('legacy-refused');
    expect(error?.message).toContain('plugin auth_gssapi_client, expected one of mysql_native_password');
  });

  it('may be too many connections, before any greeting', async () => {
    const full = Buffer.concat([Buffer.of(0xff, 0x10, 0x04), Buffer.from('Too many connections')]);
    const { settings } = await database([answer(0, full)]);
    const { error } = await read(settings);
    expect(error?.code).toBe('legacy-unreachable');
    expect(error?.message).toContain('Too many connections (error 1040)');
  });
});

it('ends without an error when it is told to stop, and rejects with the reason when that comes while it connects', async () => {
  const { settings } = await database(conversation(answer(1, asPayload(rotateEvent))));
  const stopping = new AbortController();
  const stream = await openBinlogStream(settings, { ...request, until: 'live', heartbeatMs: 10_000 }, stopping.signal);
  for await (const batch of stream.batches()) {
    expect(batch).toHaveLength(1);
    stopping.abort(new Error('enough'));
  }
  const mute = await database([Buffer.alloc(0)]);
  const opening = openBinlogStream(mute.settings, request, AbortSignal.timeout(50));
  await expect(opening).rejects.toMatchObject({ name: 'TimeoutError' });
});

it('leaves no listener at a signal that outlives many connections', async () => {
  const { signal } = new AbortController();
  const live = await database(conversation(answer(1, asPayload(rotateEvent))));
  const stream = await openBinlogStream(live.settings, { ...request, until: 'live', heartbeatMs: 10_000 }, signal);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  await stream.close();
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  const refusing = await database(conversation(answer(1, errorPayload(1236, 'Could not find first log file name'))));
  await expect(openBinlogStream(refusing.settings, request, signal)).rejects.toThrow('Could not find');
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

it('rests the socket while nobody takes what came, and goes on when somebody does', async () => {
  const large = fakeEvent(2, Buffer.alloc(60_000));
  const count = 400;
  const dump = answer(1, ...Array.from({ length: count }, () => asPayload(large)), endPayload);
  let sent = () => 0;
  const { settings } = await database(conversation(dump), (socket) => {
    sent = () => dump.length - socket.writableLength;
  });
  const stream = await openBinlogStream(
    settings,
    { ...request, maxEventBytes: 100_000, heartbeatMs: 10_000 },
    AbortSignal.timeout(20_000),
  );
  const batches = stream.batches()[Symbol.asyncIterator]();
  let taken = (await batches.next()).value?.length ?? 0;
  let before = -1;
  while (sent() !== before) {
    before = sent();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(before).toBeLessThan(dump.length);
  for (let next = await batches.next(); !next.done; next = await batches.next()) taken += next.value.length;
  expect(taken).toBe(count);
});
