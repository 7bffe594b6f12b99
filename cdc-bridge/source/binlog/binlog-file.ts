import { type FileHandle, open } from 'node:fs/promises';
import { BridgeError } from '../../errors.ts';
import type { BinlogEventStream, BinlogServer } from './event-stream.ts';

/** What is read of a binlog file, and how. */
export interface BinlogFileRequest {
  /** Offset of the first event wanted, behind the format description that is always given first. Default: all. */
  readonly from?: number;
  /** As of a connection: BinlogRequest. */
  readonly maxEventBytes: number;
}

/** `0xfe bin`; MySQL writes 0xfd in its place when binlog_encryption is on. */
const magic = Buffer.of(0xfe, 0x62, 0x69, 0x6e);
const encryptedMagic = 0xfd;

const headerBytes = 19;
const typeAt = 4;
const serverIdAt = 5;
const lengthAt = 9;
const flagsAt = 17;
/** Of a format description: the server has not closed this file, it writes it or has crashed. */
const inUse = 0x1;
const formatDescription = 15;
/** MariaDB: all behind it is encrypted. */
const startEncryption = 164;
/** In a format description, behind the header and the version of the format (2). */
const versionAt = headerBytes + 2;
const versionBytes = 50;

const chunkBytes = 256 * 1024;

/**
 * Opens a binlog file for its events, in the same shape as a connection gives them. It may be of any size: a chunk and one event of it are
 * in memory. An event that ends behind the file ends the reading cleanly when the server says in the file that it is still writing it, and
 * throws `binlog-undecodable` with the offset otherwise.
 *
 * Throws BridgeError `binlog-undecodable`: not a binlog, encrypted, or damaged; `event-too-large`; `position-not-on-server`: `from` is behind the
 * end; and what the file system throws.
 */
export async function openBinlogFile(path: string, request: BinlogFileRequest): Promise<BinlogEventStream> {
  const file = await open(path, 'r');
  try {
    await requireMagic(file, path);
    const reader = new EventReader(file, path, request.maxEventBytes);
    const [description] = await reader.eventsAt(magic.length);
    if (description?.[typeAt] !== formatDescription) throw damaged(path, magic.length, 'found no format description');
    await requireReach(file, path, request.from ?? 0);
    return new BinlogFile(file, reader, description, request.from ?? 0);
  } catch (error) {
    await file.close();
    throw error;
  }
}

class BinlogFile implements BinlogEventStream {
  readonly server: BinlogServer;
  readonly startsWithChecksums = false;
  readonly #file: FileHandle;
  readonly #reader: EventReader;
  readonly #description: Buffer;
  readonly #from: number;
  #closed: Promise<void> | undefined;

  constructor(file: FileHandle, reader: EventReader, description: Buffer, from: number) {
    this.#file = file;
    this.#reader = reader;
    this.#description = description;
    this.#from = Math.max(from, magic.length + description.length);
    this.server = serverOf(description);
    reader.isBeingWritten = (description[flagsAt]! & inUse) !== 0;
  }

  async *batches(): AsyncGenerator<readonly Buffer[], void, undefined> {
    try {
      yield [this.#description];
      let at = this.#from;
      while (this.#closed === undefined) {
        const events = await this.#reader.eventsAt(at);
        if (events.length === 0) return;
        for (const event of events) at += event.length;
        yield events;
      }
    } finally {
      await this.close();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#file.close();
    return this.#closed;
  }
}

/** Cuts events out of a file at any offset where one begins. */
class EventReader {
  /** Then an event may end behind the file: its end is not written yet. */
  isBeingWritten = false;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #maxEventBytes: number;

  constructor(file: FileHandle, path: string, maxEventBytes: number) {
    this.#file = file;
    this.#path = path;
    this.#maxEventBytes = maxEventBytes;
  }

  /** The whole events of a chunk, or the one that is larger; none at the end. */
  async eventsAt(offset: number): Promise<Buffer[]> {
    const chunk = await this.#read(offset, chunkBytes);
    const events = this.#cut(chunk, offset);
    if (events.length > 0 || chunk.length === 0) return events;
    const wanted = chunk.length < headerBytes ? headerBytes : chunk.readUInt32LE(lengthAt);
    const event = wanted > chunkBytes ? await this.#read(offset, wanted) : chunk;
    if (event.length === wanted) return [event];
    if (this.isBeingWritten) return [];
    throw damaged(this.#path, offset, `found ${event.length} bytes of an event of ${wanted}: the file ends within it`);
  }

  /** The rest of an event that ends behind the chunk is read again with the next one: cheaper than to carry it over. */
  #cut(chunk: Buffer, offset: number): Buffer[] {
    const events: Buffer[] = [];
    for (let at = 0; at + headerBytes <= chunk.length; ) {
      const length = chunk.readUInt32LE(at + lengthAt);
      this.#check(length, chunk[at + typeAt]!, offset + at);
      if (at + length > chunk.length) break;
      events.push(chunk.subarray(at, at + length));
      at += length;
    }
    return events;
  }

  #check(length: number, type: number, offset: number): void {
    if (type === startEncryption) throw encrypted(this.#path);
    if (length < headerBytes) throw damaged(this.#path, offset, `found an event of ${length} bytes`);
    if (length <= this.#maxEventBytes) return;
    throw new BridgeError(
      'event-too-large',
      `binlog file ${this.#path}, offset ${offset}: found an event of ${length} bytes, legacy.database.maxEvent allows ${this.#maxEventBytes}`,
    );
  }

  async #read(offset: number, bytes: number): Promise<Buffer> {
    const chunk = Buffer.allocUnsafeSlow(bytes);
    let filled = 0;
    while (filled < bytes) {
      const { bytesRead } = await this.#file.read(chunk, filled, bytes - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return chunk.subarray(0, filled);
  }
}

async function requireMagic(file: FileHandle, path: string): Promise<void> {
  const start = Buffer.alloc(magic.length);
  await file.read(start, 0, magic.length, 0);
  if (start.equals(magic)) return;
  if (start[0] === encryptedMagic && start.subarray(1).equals(magic.subarray(1))) throw encrypted(path);
  throw damaged(
    path,
    0,
    `found ${start.toString('hex')}, expected ${magic.toString('hex')}, which a binlog begins with`,
  );
}

async function requireReach(file: FileHandle, path: string, from: number): Promise<void> {
  const { size } = await file.stat();
  if (from <= size) return;
  throw new BridgeError('position-not-on-server', `binlog file ${path}: offset ${from} is behind its end at ${size}`);
}

function serverOf(description: Buffer): BinlogServer {
  const field = description.subarray(versionAt, versionAt + versionBytes);
  const version = field.toString('latin1').replace(/\0.*$/s, '');
  const flavour = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
  return { flavour, version, id: String(description.readUInt32LE(serverIdAt)) };
}

function damaged(path: string, offset: number, what: string): BridgeError {
  return new BridgeError('binlog-undecodable', `binlog file ${path}, offset ${offset}: ${what}`);
}

function encrypted(path: string): BridgeError {
  return new BridgeError(
    'binlog-undecodable',
    `binlog file ${path} is encrypted: read it from the server, which decrypts it, or fetch it by mysqlbinlog --read-from-remote-server --raw`,
  );
}
