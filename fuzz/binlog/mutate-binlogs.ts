import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { BridgeError } from '../../cdc-bridge/errors.ts';
import { Unreadable } from '../../cdc-bridge/mapping/row-change.ts';
import { passedAt } from '../../cdc-bridge/positions/gtid.ts';
import { TableDecoders } from '../../cdc-bridge/source/binlog/decoding/table-decoders.ts';
import { noHints } from '../../cdc-bridge/source/binlog/decoding/table-hints.ts';
import type { BinlogEventStream } from '../../cdc-bridge/source/binlog/event-stream.ts';
import { transactionsOf } from '../../cdc-bridge/source/binlog/transactions/transactions-of.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { Random } from '../wire/random.ts';

const recordings = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'binlog');
const magicBytes = 4;
const headerBytes = 19;
const checksumBytes = 4;

/** How the readings ended. */
export interface Seen {
  /** Read to the end: the change had no meaning, or another one that is possible. */
  whole: number;
  /** BridgeErrors by their code. */
  readonly refused: Record<string, number>;
  /** Cells that say themselves that they cannot be told. */
  unreadable: number;
}

/** A change that takes longer is as good as one that hangs. */
const maxMs = 2_000;

/**
 * Reads recorded binlogs in each of which one event was changed. Resolves when every reading ended in transactions or in a BridgeError with a place;
 * throws an Error that names seed, case and event otherwise, and for a reading that takes too long.
 */
export async function mutateBinlogs(cases: number, seed: number): Promise<Seen> {
  const files = readdirSync(recordings)
    .filter((name) => name.endsWith('.binlog'))
    .sort()
    .map((name) => ({ name, events: eventsOf(readFileSync(join(recordings, name))) }));
  const random = new Random(seed);
  // Shared, since most cases have the same tables: to make a decoder takes longer than all else.
  const decoders = { mariadb: new TableDecoders(noHints, 'mariadb'), mysql: new TableDecoders(noHints, 'mysql') };
  const seen: Seen = { whole: 0, refused: {}, unreadable: 0 };
  for (let number = 0; number < cases; number++) {
    const { name, events } = random.oneOf(files);
    const index = random.below(events.length);
    const changed = events.with(index, mutated(events[index]!, random));
    await readOne(
      changed,
      name.startsWith('mysql') ? decoders.mysql : decoders.mariadb,
      seen,
      `seed ${seed}, case ${number}, ${name}, event ${index}: ${changed[index]!.toString('hex')}`,
    );
  }
  return seen;
}

function eventsOf(file: Buffer): Buffer[] {
  const events: Buffer[] = [];
  for (let at = magicBytes; at < file.length; at += events.at(-1)!.length)
    events.push(file.subarray(at, at + file.readUInt32LE(at + 9)));
  return events;
}

async function readOne(events: readonly Buffer[], decoders: TableDecoders, seen: Seen, which: string): Promise<void> {
  const startedAt = performance.now();
  try {
    for await (const batch of transactionsOf(streamOf(events), readingOptions(decoders))) look(batch, seen);
    seen.whole += 1;
  } catch (error) {
    if (!(error instanceof BridgeError) || !/\.\d+:\d+/.test(error.message)) throw new Error(which, { cause: error });
    seen.refused[error.code] = (seen.refused[error.code] ?? 0) + 1;
  }
  if (performance.now() - startedAt > maxMs) throw new Error(`took longer than ${maxMs} ms: ${which}`);
}

function streamOf(events: readonly Buffer[]): BinlogEventStream {
  return {
    server: { flavour: 'mariadb', version: 'recorded', id: '1' },
    startsWithChecksums: false,
    async *batches() {
      yield events;
    },
    close: async () => {},
  };
}

function readingOptions(decoders: TableDecoders): Parameters<typeof transactionsOf>[1] {
  return {
    database: 'shop',
    file: { name: 'binlog.000001', offset: magicBytes },
    decoderFor: (map) => decoders.for(map),
    staysOnRollback: () => undefined,
    undecodable: 'stop',
    limits: { pieceRows: 1, pieceBytes: 100, maxHeldBytes: 1_000 },
    maxEventBytes: 2 ** 20,
    reload: async () => {},
  };
}

/** Asks for everything that is decoded only when it is asked for. */
function look(batch: readonly SourceTransaction[], seen: Seen): void {
  for (const { position, resume, rows } of batch) {
    passedAt(resume ?? position).covers(passedAt(position));
    for (const { before, after } of rows)
      for (const cell of [...Object.values(before ?? {}), ...Object.values(after ?? {})])
        if (cell instanceof Unreadable) seen.unreadable += 1;
  }
}

const changes: readonly ((event: Buffer, random: Random) => Buffer)[] = [
  (event, random) => withByte(event, random, (byte) => byte ^ (1 << random.below(8))),
  (event, random) => withByte(event, random, () => random.oneOf([0, 1, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xfe, 0xff])),
  (event, random) =>
    withByte(
      withByte(event, random, () => random.below(256)),
      random,
      () => random.below(256),
    ),
  (event, random) => withLongNumber(event, random),
  (event, random) => event.subarray(0, Math.max(headerBytes, random.below(event.length))),
  (event, random) => Buffer.concat([event, Buffer.from(random.some(40, () => random.below(256)))]),
  (event, random) => withoutMiddle(event, random),
  (event, random) => withType(event, random.below(256)),
];

/** The event changed, its length and checksum true again. */
function mutated(event: Buffer, random: Random): Buffer {
  const body = random.oneOf(changes)(Buffer.from(event.subarray(0, event.length - checksumBytes)), random);
  const whole = Buffer.concat([body, Buffer.alloc(checksumBytes)]);
  whole.writeUInt32LE(whole.length, 9);
  whole.writeUInt32LE(crc32(whole.subarray(0, -checksumBytes)), whole.length - checksumBytes);
  return whole;
}

function withByte(event: Buffer, random: Random, change: (byte: number) => number): Buffer {
  const at = random.once(8)
    ? random.below(headerBytes)
    : headerBytes + random.below(Math.max(1, event.length - headerBytes));
  if (at < event.length) event[at] = change(event[at]!) & 0xff;
  return event;
}

function withLongNumber(event: Buffer, random: Random): Buffer {
  const at = headerBytes + random.below(Math.max(1, event.length - headerBytes - 4));
  if (at + 4 <= event.length) event.writeUInt32LE(random.oneOf([0, 1, 0x7fffffff, 0x80000000, 0xffffffff]), at);
  return event;
}

function withoutMiddle(event: Buffer, random: Random): Buffer {
  const from = headerBytes + random.below(Math.max(1, event.length - headerBytes));
  return Buffer.concat([event.subarray(0, from), event.subarray(from + 1 + random.below(8))]);
}

function withType(event: Buffer, type: number): Buffer {
  event[4] = type;
  return event;
}
