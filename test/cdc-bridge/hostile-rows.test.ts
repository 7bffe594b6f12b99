import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BridgeError } from '../../cdc-bridge/errors.ts';
import { TableDecoders } from '../../cdc-bridge/source/binlog/decoding/table-decoders.ts';
import { noHints } from '../../cdc-bridge/source/binlog/decoding/table-hints.ts';
import { insertBody, tableMapBody, type WrittenColumn } from './table-map.ts';

/** One column of each way to read. */
const columns: readonly WrittenColumn[] = [
  { type: 3 },
  { type: 8, unsigned: true },
  { type: 246, metadata: [10, 2] },
  { type: 5, metadata: [8] },
  { type: 19, metadata: [3] },
  { type: 18, metadata: [6] },
  { type: 17, metadata: [0] },
  { type: 16, metadata: [4, 1] },
  { type: 254, metadata: [254, 12], collation: 45 },
  { type: 254, metadata: [247, 1], members: ['a', 'b'] },
  { type: 254, metadata: [248, 1], members: ['x', 'y'] },
  { type: 15, metadata: [44, 1], collation: 13 },
  { type: 252, metadata: [4] },
  { type: 245, metadata: [4] },
  { type: 255, metadata: [4] },
  { type: 140, metadata: [2] },
  { type: 242, metadata: [4] },
];
const bytes = (...values: number[]) => Buffer.from(values);
const values = [
  bytes(1, 2, 3, 4),
  bytes(1, 2, 3, 4, 5, 6, 7, 8),
  bytes(0x80, 0, 0, 12, 50),
  bytes(0, 0, 0, 0, 0, 0, 0xf0, 0x3f),
  bytes(0x80, 1, 2, 0, 0),
  bytes(0x99, 1, 2, 3, 4, 0, 0, 0),
  bytes(1, 2, 3, 4),
  bytes(1, 2),
  bytes(2, 0x61, 0x62),
  bytes(1),
  bytes(3),
  bytes(2, 0, 0x81, 0x40),
  bytes(3, 0, 0, 0, 1, 2, 3),
  bytes(5, 0, 0, 0, 5, 1, 0, 0, 0),
  bytes(4, 0, 0, 0, 0, 0, 0, 0),
  bytes(2, 0, 0, 1),
  bytes(4, 0, 0, 0, 0, 0, 128, 63),
];
const map = tableMapBody(columns);
const event = insertBody([values, values.map((value, index) => (index % 3 === 0 ? null : value)), values]);

/** Decodes everything; gives how many rows it took for. Anything but a typed error fails the test. */
function decodeAll(mapBody: Buffer, type: number, body: Buffer): number | undefined {
  try {
    const rows = new TableDecoders(noHints, 'mysql').for(mapBody).rows(type, body);
    for (const { before, after } of rows) JSON.stringify([before, after]);
    return rows.length;
  } catch (error) {
    if (error instanceof BridgeError && error.code === 'binlog-undecodable') return undefined;
    throw error;
  }
}

/** Bytes changed, cut off or put in. */
const mutation = fc.array(
  fc.record({ at: fc.nat(1_000), kind: fc.constantFrom('set', 'cut', 'insert'), byte: fc.nat(255) }),
  { minLength: 1, maxLength: 4 },
);

function mutated(body: Buffer, changes: readonly { at: number; kind: string; byte: number }[]): Buffer {
  let result = Buffer.from(body);
  for (const { at, kind, byte } of changes) {
    const place = result.length === 0 ? 0 : at % result.length;
    if (kind === 'set' && result.length > 0) result[place] = byte;
    if (kind === 'cut') result = result.subarray(0, place);
    if (kind === 'insert') result = Buffer.concat([result.subarray(0, place), Buffer.of(byte), result.subarray(place)]);
  }
  return result;
}

const eventTypes = [23, 24, 25, 30, 31, 32, 39, 166, 167, 170];

it('the bytes that are changed below are read whole', () => {
  expect(decodeAll(map, 23, event)).toBe(3);
});

it('a table map with damaged bytes ends in a typed error or in columns', () => {
  fc.assert(
    fc.property(mutation, (changes) => void decodeAll(mutated(map, changes), 23, event)),
    { numRuns: 3_000 },
  );
});

it('an event of rows with damaged bytes ends in a typed error or in rows, no more than it has bytes', () => {
  fc.assert(
    fc.property(mutation, fc.constantFrom(...eventTypes), (changes, type) => {
      const body = mutated(event, changes);
      expect(decodeAll(map, type, body) ?? 0).toBeLessThanOrEqual(body.length);
    }),
    { numRuns: 3_000 },
  );
});

it('any bytes at all end in a typed error or in rows', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...eventTypes), (body, type) => {
      decodeAll(Buffer.from(body), type, event);
      decodeAll(map, type, Buffer.from(body));
    }),
    { numRuns: 2_000 },
  );
});

it('every length that is cut off is found, row by row', () => {
  for (let length = 0; length < event.length; length += 1)
    expect([0, 1, 2, undefined]).toContain(decodeAll(map, 23, event.subarray(0, length)));
});
