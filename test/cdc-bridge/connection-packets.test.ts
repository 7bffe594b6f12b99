import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PacketReader, packet } from '../../cdc-bridge/source/binlog/connection/packet-reader.ts';

const fullPacketBytes = 0xff_ff_ff;

/** A packet's bytes with the header made by hand, so that it may lie. */
function raw(length: number, sequence: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.of(length & 0xff, (length >> 8) & 0xff, length >> 16, sequence), payload]);
}

/** An event of `bytes` in all, whose header says so. */
function event(bytes: number, fill = 7): Buffer {
  const content = Buffer.alloc(bytes, fill);
  content.writeUInt32LE(bytes, 9);
  return content;
}

/** What a server sends for an event: a status byte before it, and as many packets as it takes. */
function inPackets(content: Buffer, firstSequence = 0): Buffer {
  const payload = Buffer.concat([Buffer.of(0), content]);
  const packets: Buffer[] = [];
  for (let at = 0, sequence = firstSequence; ; at += fullPacketBytes, sequence++) {
    const part = payload.subarray(at, at + fullPacketBytes);
    packets.push(raw(part.length, sequence & 0xff, part));
    if (part.length < fullPacketBytes) return Buffer.concat(packets);
  }
}

function inDump(maxEventBytes: number): PacketReader {
  const reader = new PacketReader(100);
  reader.expectEvents(maxEventBytes);
  return reader;
}

function pushed(reader: PacketReader, ...chunks: readonly Buffer[]): Buffer[] {
  const payloads: Buffer[] = [];
  for (const chunk of chunks) reader.push(chunk, payloads);
  return payloads;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

it('gives the same payloads however the bytes are cut', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(payloads, fc.array(fc.nat(), { maxLength: 40 }), (contents, places) => {
      const bytes = Buffer.concat(contents.map((content, index) => packet(index, Buffer.from(content))));
      const reader = new PacketReader(100);
      const found = pushed(reader, ...cut(bytes, places));
      expect(found.map((payload) => payload.toString('hex'))).toEqual(
        contents.map((content) => Buffer.from(content).toString('hex')),
      );
      expect(reader.atBoundary).toBe(true);
    }),
  );
});

it.each([fullPacketBytes - 1, fullPacketBytes, 2 * fullPacketBytes - 1, 2 * fullPacketBytes, 40 * 2 ** 20])(
  'puts an event of %i bytes together from its packets, and reads on behind it',
  (bytes) => {
    const large = event(bytes - 1);
    large.writeUInt32LE(0xdeadbeef, large.length - 4);
    const first = inPackets(event(30));
    const stream = Buffer.concat([first, inPackets(large, 1)]);
    const chunks = Array.from({ length: Math.ceil(stream.length / 65_536) }, (_, index) =>
      stream.subarray(index * 65_536, (index + 1) * 65_536),
    );
    const reader = inDump(2 ** 30);
    const found = pushed(reader, ...chunks);
    const [, after] = [reader.sequence, inPackets(event(25), reader.sequence)];
    found.push(...pushed(reader, after));
    expect(found.map((each) => each.length)).toEqual([30, bytes - 1, 25]);
    expect(found[1]!.equals(large)).toBe(true);
  },
);

it('keeps what it gave when more bytes come', () => {
  const reader = inDump(1_000);
  const given: Buffer[] = [];
  const stream = Buffer.concat(Array.from({ length: 50 }, (_, index) => inPackets(event(40, index), index)));
  for (const chunk of cut(stream, [33, 47, 333, 700, 1_001])) reader.push(Buffer.from(chunk), given);
  expect(given.map((each) => each[20])).toEqual(Array.from({ length: 50 }, (_, index) => index));
});

it('refuses an event by the length that its header says, before its bytes have come', () => {
  const start = inPackets(event(40 * 2 ** 20)).subarray(0, 200);
  expect(() => pushed(inDump(30 * 2 ** 20), start)).toThrow(`found a payload of ${40 * 2 ** 20} bytes`);
});

it('refuses a smaller one that is over the limit, whole or begun', () => {
  expect(() => pushed(inDump(100), inPackets(event(101)))).toThrow('found a payload of 101 bytes');
  expect(() => pushed(inDump(100), inPackets(event(101)).subarray(0, 30))).toThrow('found a payload of 101 bytes');
  expect(pushed(inDump(100), inPackets(event(100)))).toHaveLength(1);
});

it('refuses packets that are out of order', () => {
  expect(() => pushed(inDump(100), inPackets(event(30), 1))).toThrow('found packet number 1, expected 0');
  const numbered = Array.from({ length: 257 }, (_, index) => inPackets(event(30), index & 0xff));
  expect(pushed(inDump(100), ...numbered)).toHaveLength(257);
});

it('refuses a large event whose packets hold more or less than its header says', () => {
  const announced = event(fullPacketBytes + 1_000);
  announced.writeUInt32LE(fullPacketBytes + 999, 9);
  expect(() => pushed(inDump(2 ** 30), inPackets(announced))).toThrow('its header says');
  announced.writeUInt32LE(fullPacketBytes + 1_001, 9);
  expect(() => pushed(inDump(2 ** 30), inPackets(announced))).toThrow('its header says');
});

it('refuses an event that is shorter than a header', () => {
  expect(() => pushed(inDump(100), raw(10, 0, Buffer.alloc(10)))).toThrow('found an event of 9 bytes');
  expect(() => pushed(inDump(100), raw(0, 0, Buffer.alloc(0)))).toThrow('found an empty packet');
});

it('stops at what is no event: an error or the end', () => {
  const reader = inDump(1_000);
  const end = raw(5, 1, Buffer.of(0xfe, 0, 0, 2, 0));
  const events = pushed(reader, Buffer.concat([inPackets(event(30)), end, inPackets(event(30), 2)]));
  expect(events).toHaveLength(1);
  expect(reader.notEvent).toEqual(Buffer.of(0xfe, 0, 0, 2, 0));
});
