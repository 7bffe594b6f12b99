import { BridgeError } from '../../../errors.ts';
import { FilePosition } from '../../../positions/file-position.ts';
import { parseGtidSet } from '../../../positions/gtid.ts';
import type { GtidSet } from '../../../positions/gtid-set.ts';
import type { SourceTransaction } from '../../change-source.ts';
import { StaleHints, undecodable } from '../decoding/undecodable.ts';
import type { BinlogEventStream } from '../event-stream.ts';
import type { BinlogEvent } from '../events/binlog-event.ts';
import { EventReader } from '../events/event-reader.ts';
import { type AssemblyOptions, TransactionAssembly } from './transaction-assembly.ts';

/** How a stream of events becomes transactions. */
export interface TransactionsOptions extends Omit<AssemblyOptions, 'from'> {
  /** Everything that was given before; absent for a recorded file, which tells itself what was before it. */
  readonly from?: GtidSet;
  /** The file that is read and the offset of its first event, where the stream does not tell them. */
  readonly file?: { readonly name: string; readonly offset: number };
  readonly maxEventBytes: number;
  /** Called when what is known of the tables may be out of date: after DDL, and when a table map does not fit it. */
  reload(): Promise<void>;
  /** Told of each file when its time of creation is known. May throw. */
  onFile?(file: TransactionAssembly['file']): void;
}

type TableEvent = Extract<BinlogEvent, { kind: 'table' }>;

/** How many rows one batch may hold; a transaction, or a piece of one, that has more is a batch of its own. */
const maxBatchRows = 500;

/**
 * The transactions of a stream of binlog events in batches, as ChangeSource promises them, from a server or out of a recorded file. Pull: what
 * is not asked for is not read. What was complete before an error is given before it is thrown.
 */
export async function* transactionsOf(
  stream: BinlogEventStream,
  options: TransactionsOptions,
): AsyncGenerator<readonly SourceTransaction[], void, undefined> {
  const reading = new Reading(stream, options);
  try {
    for await (const events of stream.batches()) {
      for (const bytes of events) {
        for (const event of reading.meaningOf(bytes)) {
          const reloading = reading.take(event);
          if (reloading) await reloading;
          if (reading.isFull) yield reading.takeBatch();
        }
      }
      if (!reading.isEmpty) yield reading.takeBatch();
    }
  } catch (error) {
    if (!reading.isEmpty) yield reading.takeBatch();
    throw error;
  }
}

class Reading {
  readonly #reader: EventReader;
  readonly #options: TransactionsOptions;
  readonly #server: string;
  #assembly: TransactionAssembly | undefined;
  /** What was read before the assembly could be made. */
  #preface: BinlogEvent[] = [];
  #batch: SourceTransaction[] = [];
  #rows = 0;

  constructor(stream: BinlogEventStream, options: TransactionsOptions) {
    const { file, maxEventBytes, from } = options;
    this.#options = options;
    this.#server = stream.server.id;
    this.#reader = new EventReader({ ...(file && { file }), maxEventBytes, checksums: stream.startsWithChecksums });
    if (from) this.#assembly = new TransactionAssembly({ ...options, from });
    if (file) this.#preface.push({ kind: 'file', ...file });
  }

  get isEmpty(): boolean {
    return this.#batch.length === 0;
  }

  get isFull(): boolean {
    return this.#rows >= maxBatchRows;
  }

  takeBatch(): readonly SourceTransaction[] {
    const batch = this.#batch;
    this.#batch = [];
    this.#rows = 0;
    return batch;
  }

  meaningOf(bytes: Buffer): Iterable<BinlogEvent> {
    const event = this.#reader.read(bytes);
    return event.kind === 'compressed' ? event.events : [event];
  }

  /** Optimization: a promise is made only where there is something to wait for. */
  take(event: BinlogEvent): Promise<void> | undefined {
    try {
      const transaction = this.#assemblyFor(event)?.take(event, this.#reader.offset);
      if (event.kind === 'format') this.#tellFile();
      return transaction && this.#add(transaction);
    } catch (error) {
      if (event.kind !== 'table') throw this.#located(error);
      if (error instanceof StaleHints) return this.#takeAgain(event);
      return this.#parkTable(event, error);
    }
  }

  async #takeAgain(event: TableEvent): Promise<void> {
    await this.#options.reload();
    try {
      this.#assembly!.take(event, this.#reader.offset);
    } catch (error) {
      this.#parkTable(event, error);
    }
  }

  /** Where that is not declared, the error ends the reading. */
  #parkTable(event: TableEvent, error: unknown): undefined {
    const located = this.#located(error);
    if (!(located instanceof BridgeError) || !this.#assembly) throw located;
    this.#assembly.parkTable(event, located);
  }

  /** A transaction without changes only moves the position, so it takes the place of another such before it. */
  #add(transaction: SourceTransaction): Promise<void> | undefined {
    const last = this.#batch.at(-1);
    if (last && isEmpty(last) && isEmpty(transaction)) this.#batch.pop();
    this.#batch.push(transaction);
    this.#rows += transaction.rows.length;
    return transaction.schemaChanges?.length ? this.#options.reload() : undefined;
  }

  /** Of a recorded file it is made at the first transaction: what comes before tells what was committed earlier. */
  #assemblyFor(event: BinlogEvent): TransactionAssembly | undefined {
    if (this.#assembly && this.#preface.length === 0) return this.#assembly;
    if (!this.#assembly && event.kind !== 'begin') {
      if (!mayPrecede.has(event.kind)) throw nameless(event.kind);
      this.#preface.push(event);
      return undefined;
    }
    const preface = this.#preface;
    this.#preface = [];
    this.#assembly ??= new TransactionAssembly({ ...this.#options, from: this.#beforeFile(event, preface) });
    for (const earlier of preface) this.#assembly.take(earlier, this.#reader.offset);
    return this.#assembly;
  }

  #beforeFile(first: BinlogEvent, preface: readonly BinlogEvent[]): GtidSet {
    const gtids = first.kind === 'begin' ? first.gtid : undefined;
    if (gtids === undefined) return new FilePosition(this.#server, this.#reader.file, this.#reader.offset);
    const flavour = gtids.includes(':') ? 'mysql' : 'mariadb';
    const before = preface.findLast((event) => event.kind === 'gtids-before' && event.flavour === flavour);
    return parseGtidSet(flavour, before?.kind === 'gtids-before' ? before.gtids : '');
  }

  #tellFile(): void {
    if (this.#assembly) this.#options.onFile?.(this.#assembly.file);
  }

  /** The error with the place that it came to light at. */
  #located(error: unknown): unknown {
    if (!(error instanceof BridgeError) || !error.message.startsWith('binlog: ')) return error;
    const message = error.message.replace(/^binlog/, `binlog ${this.#reader.place}`);
    return new BridgeError(error.code, message, { cause: error });
  }
}

/** What may stand in a file before its first transaction. */
const mayPrecede = new Set<BinlogEvent['kind']>(['file', 'format', 'gtids-before', 'other']);

function nameless(kind: string): BridgeError {
  return undecodable(
    `found ${kind} before any event that begins a transaction: servers before MySQL 5.7 and MariaDB 10.0 write none, and are not read`,
  );
}

function isEmpty({ rows, unread, piece }: SourceTransaction): boolean {
  return rows.length === 0 && unread.length === 0 && piece === undefined;
}
