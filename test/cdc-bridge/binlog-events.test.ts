import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passedAt } from '../../cdc-bridge/positions/gtid.ts';
import { endsInChecksum } from '../../cdc-bridge/source/binlog/events/checksum.ts';
import { eventType } from '../../cdc-bridge/source/binlog/events/event-type.ts';
import { readMariadbGtid } from '../../cdc-bridge/source/binlog/events/gtid-event.ts';
import { readPreviousGtids } from '../../cdc-bridge/source/binlog/events/gtid-sets.ts';
import { Place } from '../../cdc-bridge/source/binlog/events/place.ts';
import { innerEvents } from '../../cdc-bridge/source/binlog/events/transaction-payload.ts';
import { xidOfStatement, xidText } from '../../cdc-bridge/source/binlog/events/xid-text.ts';
import { recordedEvents } from './recorded.ts';

/** A header and a body, without a checksum. */
function event(type: number, body: Buffer, { end = 0, flags = 0 } = {}): Buffer {
  const header = Buffer.alloc(19);
  header[4] = type;
  header.writeUInt32LE(1, 5);
  header.writeUInt32LE(19 + body.length, 9);
  header.writeUInt32LE(end, 13);
  header.writeUInt16LE(flags, 17);
  return Buffer.concat([header, body]);
}

describe('the place in the binlog', () => {
  const bodyless = (end: number, flags = 0) => event(eventType.xid, Buffer.alloc(81), { end, flags });

  it('is where the header says that the event ends, less its length', () => {
    const place = new Place();
    place.enter('binlog.000001', 4);
    expect([place.pass(bodyless(1_100)), place.offset]).toEqual([1_000, 1_100]);
  });

  it('goes on by lengths where the writer left the end at 0, as MariaDB 11.4 does inside transactions', () => {
    const place = new Place();
    place.enter('binlog.000001', 500);
    expect([place.pass(bodyless(0)), place.pass(bodyless(0)), place.pass(bodyless(800))]).toEqual([500, 600, 700]);
  });

  it('goes beyond 4 GiB, where the header begins again at 0', () => {
    const place = new Place();
    place.enter('binlog.000001', 2 ** 32 - 50);
    expect(place.pass(bodyless(50))).toBe(2 ** 32 - 50);
    expect([place.pass(bodyless(150)), place.offset]).toEqual([2 ** 32 + 50, 2 ** 32 + 150]);
  });

  it('stays where it is for what the server makes up for the reader', () => {
    const place = new Place();
    place.enter('binlog.000001', 4_711);
    place.pass(event(eventType.heartbeat, Buffer.from('binlog.000001'), { end: 4_711 }));
    place.pass(event(eventType.rotate, Buffer.alloc(20), { flags: 0x20 }));
    place.pass(event(eventType.formatDescription, Buffer.alloc(100)));
    expect(place.offset).toBe(4_711);
  });
});

it('knows a checksum, short events and long ones, as zlib does', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const whole = Buffer.concat([bytes, Buffer.alloc(4)]);
      whole.writeUInt32LE(crc32(bytes), bytes.length);
      expect(endsInChecksum(whole)).toBe(true);
      whole[0] = whole[0]! ^ 0x10;
      expect(endsInChecksum(whole)).toBe(false);
    }),
  );
});

describe('a GTID event of MariaDB', () => {
  /** Sequence number 57 of domain 3, then flags and what follows them. */
  const gtid = (...rest: number[]) =>
    event(162, Buffer.concat([Buffer.of(57, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0), Buffer.from(rest)]));
  const read = (bytes: Buffer) => readMariadbGtid(bytes, bytes.length, 4);

  it('names the transaction by domain, server and number', () => {
    expect(read(gtid(0, 0, 0, 0, 0, 0, 0))).toEqual({
      kind: 'begin',
      pos: 4,
      at: 0,
      gtid: '3-1-57',
      standalone: false,
    });
  });

  it('says whether one statement follows, and that it prepares an XA transaction', () => {
    expect(read(gtid(1 | 32, 0, 0, 0, 0, 0, 0)).standalone).toBe(true);
    expect(read(gtid(64, 1, 0, 0, 0, 1, 1, 97, 98)).preparesXa).toBe(true);
  });

  it('tells the phase of an ALTER and the session, behind a commit id, an XA id and engines', () => {
    expect(read(gtid(1, 2)).alter).toBe('start');
    expect(read(gtid(1 | 2, ...Array(8).fill(9), 4, ...Array(8).fill(0))).alter).toBe('commit');
    expect(read(gtid(1, 8, ...Array(8).fill(0))).alter).toBe('rollback');
    expect(read(gtid(64, 1, 0, 0, 0, 1, 0, 97, 1 | 16, 255, 42, 0, 0, 0)).connection).toBe(42);
  });
});

it('spells an XA id in the same way from an event and from a statement', () => {
  const xid = xidText(Buffer.from('ab'), Buffer.from([0xff]), 7);
  expect(xid).toBe("X'6162',X'ff',7");
  expect(xidOfStatement("XA COMMIT X'6162',X'FF',7")).toBe(xid);
  expect(xidOfStatement("XA ROLLBACK x'6162', x'ff', 7")).toBe(xid);
  expect(xidOfStatement('XA COMMIT nonsense')).toBeUndefined();
});

it('reads the set of GTIDs that a MySQL file begins with, with tags and without', () => {
  const uuid = 'f024817a-e5d4-11f1-b1eb-02fc00000001';
  const sets = ['mysql-tagged', 'mysql-anonymous'].map((name) => {
    const previous = recordedEvents(name).find((each) => each[4] === eventType.previousGtids)!;
    return readPreviousGtids(previous, previous.length - 4);
  });
  expect(sets.map((set) => passedAt(`mysql:${set}`).toString())).toEqual([`${uuid}:1-47`, `${uuid}:1-81:orders:1-2`]);
});

describe('a compressed transaction', () => {
  const payloads = recordedEvents('mysql-compressed').filter((each) => each[4] === eventType.transactionPayload);
  const inner = (payload: Buffer, maxEventBytes = 2 ** 20) => [
    ...innerEvents(payload, payload.length - 4, maxEventBytes),
  ];

  it('is cut into its events, each with how far it begins behind the first', () => {
    expect(inner(payloads[0]!).map(({ event: each, offset }) => [each[4], offset])).toEqual([
      [eventType.query, 0],
      [eventType.rowsQuery, 71],
      [eventType.tableMap, 172],
      [eventType.writeRows, 236],
      [eventType.xid, 641],
    ]);
  });

  it('is read uncompressed too', () => {
    const events = Buffer.concat([event(eventType.query, randomBytes(30)), event(eventType.xid, Buffer.alloc(8))]);
    const fields = Buffer.of(2, 3, 0xfc, 0xff, 0x00, 3, 1, events.length, 1, 1, events.length, 0);
    const payload = event(eventType.transactionPayload, Buffer.concat([fields, events, Buffer.alloc(4)]));
    expect(inner(payload).map(({ offset }) => offset)).toEqual([0, 49]);
  });

  it('is refused when it grows beyond what it announces, or holds an event above the limit', () => {
    const payload = Buffer.from(payloads[0]!);
    const announced = payload.indexOf(Buffer.of(3, 3, 0xfc)) + 3;
    payload.writeUInt16LE(500, announced);
    expect(() => inner(payload)).toThrow('more than the 500 bytes that it announces');
    expect(() => inner(payloads[0]!, 300)).toThrow('an event of 405 bytes');
  });
});
