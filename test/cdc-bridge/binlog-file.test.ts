import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { BridgeError } from '../../cdc-bridge/errors.ts';
import { type BinlogFileRequest, openBinlogFile } from '../../cdc-bridge/source/binlog/binlog-file.ts';
import { fakeEvent } from './fake-database.ts';

const folder = mkdtempSync(join(tmpdir(), 'binlog-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

const magic = Buffer.from('fe62696e', 'hex');
const inUse = 1;

/** A format description as a server of this version begins a file with. */
function description(version = '10.11.19-MariaDB-log', flags = 0): Buffer {
  const body = Buffer.alloc(100);
  body.writeUInt16LE(4, 0);
  body.write(version, 2, 'latin1');
  const event = fakeEvent(15, body);
  event.writeUInt32LE(42, 5);
  event.writeUInt16LE(flags, 17);
  return event;
}

let files = 0;
function file(...parts: readonly Buffer[]): string {
  const path = join(folder, `binlog.${String(++files).padStart(6, '0')}`);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

async function lengths(path: string, request: Partial<BinlogFileRequest> = {}): Promise<number[]> {
  const found: number[] = [];
  const stream = await openBinlogFile(path, { maxEventBytes: 2 ** 30, ...request });
  for await (const batch of stream.batches()) {
    for (const event of batch) {
      expect(event.readUInt32LE(9)).toBe(event.length);
      found.push(event.length);
    }
  }
  return found;
}

async function refusal(path: string, request: Partial<BinlogFileRequest> = {}): Promise<BridgeError> {
  const outcome = await lengths(path, request).catch((error: BridgeError) => error);
  if (Array.isArray(outcome)) throw new Error(`expected a refusal, ${outcome.length} events came`);
  return outcome;
}

const ofSize = (bytes: number) => fakeEvent(2, Buffer.alloc(bytes - 19, 0x61));

it('gives the events of every size in order, also those that are larger than what is read at once', async () => {
  const sizes = [19, 100, 262_143, 262_144, 262_145, 30, 2_000_000, 19, 131_072, 131_072, 50];
  const path = file(magic, description(), ...sizes.map(ofSize));
  expect(await lengths(path)).toEqual([119, ...sizes]);
});

it('tells which server wrote the file, as far as the file knows', async () => {
  const mariadb = await openBinlogFile(file(magic, description()), { maxEventBytes: 1_000 });
  expect(mariadb.server).toEqual({ flavour: 'mariadb', version: '10.11.19-MariaDB-log', id: '42' });
  await mariadb.close();
  await mariadb.close();
  const mysql = await openBinlogFile(file(magic, description('9.7.4')), { maxEventBytes: 1_000 });
  expect(mysql.server).toEqual({ flavour: 'mysql', version: '9.7.4', id: '42' });
  await mysql.close();
});

it('begins at an offset, with the format description before it', async () => {
  const path = file(magic, description(), ofSize(100), ofSize(200), ofSize(300));
  expect(await lengths(path, { from: 4 })).toEqual([119, 100, 200, 300]);
  expect(await lengths(path, { from: 4 + 119 + 100 })).toEqual([119, 200, 300]);
  expect(await lengths(path, { from: 4 + 119 + 600 })).toEqual([119]);
  const error = await refusal(path, { from: 4 + 119 + 601 });
  expect([error.code, error.message]).toEqual([
    'position-not-on-server',
    `binlog file ${path}: offset 724 is behind its end at 723`,
  ]);
});

it.each([1, 18, 19, 99])('tells where a file ends within an event, %i bytes into it', async (bytes) => {
  const path = file(magic, description(), ofSize(200), ofSize(100).subarray(0, bytes));
  const error = await refusal(path);
  expect(error.code).toBe('binlog-undecodable');
  expect(error.message).toContain(`${path}, offset 323: found ${bytes} bytes of an event of ${bytes < 19 ? 19 : 100}`);
});

it('tells where it ends within an event that is larger than what is read at once', async () => {
  const path = file(magic, description(), ofSize(1_000_000).subarray(0, 999_999));
  expect((await refusal(path)).message).toContain('offset 123: found 999999 bytes of an event of 1000000');
});

it('ends before an event that the server is still writing', async () => {
  for (const bytes of [1, 19, 99]) {
    const path = file(magic, description('9.7.4', inUse), ofSize(200), ofSize(100).subarray(0, bytes));
    expect(await lengths(path)).toEqual([119, 200]);
  }
});

it('names size, limit and offset of an event that is too large', async () => {
  const error = await refusal(file(magic, description(), ofSize(200)), { maxEventBytes: 199 });
  expect(error.code).toBe('event-too-large');
  expect(error.message).toMatch(/offset 123: found an event of 200 bytes, legacy.database.maxEvent allows 199/);
});

it('refuses what is no binlog, an empty one, and one whose lengths are damaged', async () => {
  expect((await refusal(file(Buffer.from('PK\x03\x04 and so on')))).message).toContain(
    'found 504b0304, expected fe62696e',
  );
  expect((await refusal(file(Buffer.alloc(0)))).code).toBe('binlog-undecodable');
  expect((await refusal(file(magic))).message).toContain('found no format description');
  expect((await refusal(file(magic, ofSize(100)))).message).toContain('found no format description');
  const damaged = ofSize(100);
  damaged.writeUInt32LE(7, 9);
  expect((await refusal(file(magic, description(), damaged))).message).toContain(
    'offset 123: found an event of 7 bytes',
  );
});

it('says of an encrypted file how its events are to be had', async () => {
  const mysql = file(Buffer.from('fd62696e', 'hex'), Buffer.alloc(508));
  const mariadb = file(magic, description(), fakeEvent(164, Buffer.alloc(17)), Buffer.alloc(300, 0xa7));
  for (const path of [mysql, mariadb]) {
    const error = await refusal(path);
    expect([error.code, error.message]).toEqual([
      'binlog-undecodable',
      expect.stringContaining('--read-from-remote-server'),
    ]);
  }
});
