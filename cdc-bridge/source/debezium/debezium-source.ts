import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { BridgeError } from '../../errors.ts';
import type { KafkaOffsets } from '../../positions/cursor.ts';
import { passedAt } from '../../positions/gtid.ts';
import type { ChangeSource, ResumePoint, SourceTransaction } from '../change-source.ts';
import type { ColumnTypes } from './column-type.ts';
import { KafkaTopics } from './kafka-topics.ts';
import { knownLosses } from './known-losses.ts';
import { legacyColumns, type SqlPort } from './legacy-columns.ts';
import { type OpenTransaction, partitionName } from './open-transaction.ts';
import { readRecord, type TopicMessage, type TopicNames } from './record.ts';
import { SourceTransactions } from './source-transactions.ts';
import { TableTypes } from './table-types.ts';
import { type TopicsConfig, topicNames } from './topics-config.ts';
import { type Restored, TransactionRestoring } from './transaction-restoring.ts';

/** The legacy database: its rows count, those of others are passed over; it is asked for columns that the connector did not describe. */
export interface SourceDatabase extends SqlPort {
  readonly name: string;
}

export interface DebeziumTelemetry {
  /** All topics are read. */
  connected(): void;
  /** A table whose values Debezium may have altered: what it does, each with the columns. Told once, at its first row. */
  altered(table: string, losses: readonly string[]): void;
  /** Nothing came for as long, not even a heartbeat; undefined: something came again. */
  silent(forMs: number | undefined): void;
}

/** Without a transaction topic: rows of a transaction follow one another faster than this. */
const quietMs = 500;
/** What is ready and was not yet taken may grow so far; then reading waits. */
const maxReadyBytes = 16 * 1024 * 1024;
/** How long rows that an end counts may be on their way. */
const missingMs = 30_000;
/** How often the brokers are asked where the topics end. */
const askEveryMs = 100;
/** How often offsets without a transaction are stored. */
const standingMs = 1_000;
const tickMs = 5;

/**
 * Row changes out of the topics that a Debezium connector for MariaDB or MySQL writes. Values are decoded to what our own reader gives, and
 * transactions restored; see docs/debezium.md for what Debezium had already lost. Rows of its snapshots tell of no change and are passed over.
 * More than `maxHeldBytes` of what waits for a topic that is behind is held only when nothing else can tell how it goes on. Throws BridgeError
 * `debezium-unreachable` (try again), `debezium-unusable` and `debezium-trimmed`.
 */
export function debeziumSource(
  topics: TopicsConfig,
  database: SourceDatabase,
  maxHeldBytes: number,
  telemetry: DebeziumTelemetry,
): ChangeSource {
  const told = new Set<string>();
  const once: DebeziumTelemetry = {
    ...telemetry,
    altered(table, losses) {
      if (!told.has(table)) telemetry.altered(table, losses);
      told.add(table);
    },
  };
  return {
    async *follow(from, signal) {
      const session = new Session(topics, database, maxHeldBytes, once, from);
      try {
        await session.open();
        yield* session.batches(signal);
      } finally {
        await session.close();
      }
    },
  };
}

/** One connection's life: messages come in, batches go out. */
class Session {
  readonly #config: TopicsConfig;
  readonly #names: TopicNames;
  readonly #telemetry: DebeziumTelemetry;
  readonly #types: TableTypes;
  readonly #restoring: TransactionRestoring;
  readonly #transactions: SourceTransactions;
  #ready: Restored[] = [];
  #readyBytes = 0;
  readonly #maxHeldBytes: number;
  /** More than that when only the topics that are ahead can tell how it goes on. */
  #mayHoldBytes: number;
  #topics: KafkaTopics | undefined;
  #failure: BridgeError | undefined;
  #heardAt = Date.now();
  #isSilent = false;
  #missing: { gtid: string; at: number } | undefined;
  #fence: Fence | undefined;
  #askedAt = 0;
  #stoodAt = Date.now();
  /** What is before it is read for the schema changes alone: how columns were. */
  readonly #from: KafkaOffsets;
  #offsets: KafkaOffsets;
  #closed = false;

  constructor(
    config: TopicsConfig,
    database: SourceDatabase,
    maxHeldBytes: number,
    telemetry: DebeziumTelemetry,
    from: ResumePoint,
  ) {
    this.#config = config;
    this.#maxHeldBytes = maxHeldBytes;
    this.#mayHoldBytes = maxHeldBytes;
    this.#names = topicNames(config);
    this.#telemetry = telemetry;
    this.#from = from.kafka ?? {};
    this.#offsets = this.#from;
    const passed = passedAt(from.position);
    if (passed.kind === 'file') throw withoutGtids(from.position);
    this.#types = new TableTypes(legacyColumns(database, database.name));
    this.#restoring = new TransactionRestoring(passed);
    this.#transactions = new SourceTransactions(
      database.name,
      passed,
      this.#types,
      config.encodings,
      (table, columns) => this.#tell(table, columns),
    );
  }

  async open(): Promise<void> {
    const listener = {
      onMessages: (messages: readonly TopicMessage[]) => this.#take(messages),
      onFailure: (error: BridgeError) => {
        this.#failure ??= error;
      },
    };
    this.#topics = await KafkaTopics.open(this.#config, this.#names, this.#offsets, listener);
    this.#telemetry.connected();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#topics?.close();
  }

  async *batches(signal: AbortSignal): AsyncGenerator<readonly SourceTransaction[], void, undefined> {
    while (!signal.aborted) {
      if (this.#failure) throw this.#failure;
      const batch = await this.#nextBatch();
      if (batch.length > 0) yield batch;
      else await delay(tickMs, undefined, { signal }).catch(() => {});
    }
  }

  async #nextBatch(): Promise<SourceTransaction[]> {
    this.#watchSilence();
    await this.#settle();
    this.#holdBack();
    const restored = this.#ready;
    this.#ready = [];
    this.#readyBytes = 0;
    if (restored.length === 0) return this.#standing();
    // What is stored with a transaction may lie before it, never behind: so a batch goes with the offsets from before it.
    const offsets = this.#offsets;
    this.#offsets = this.#restoring.resumeFrom(this.#topics!.next);
    const batch: SourceTransaction[] = [];
    for (const each of restored) batch.push(await this.#transactions.from(each, offsets));
    return batch;
  }

  #tell(table: string, columns: ColumnTypes): void {
    const losses = knownLosses(columns);
    if (losses.length > 0) this.#telemetry.altered(table, losses);
  }

  /** While nothing changes the offsets go on with the heartbeats, so that no topic's retention overtakes what is stored. */
  #standing(): SourceTransaction[] {
    const now = Date.now();
    if (now - this.#stoodAt < standingMs || this.#restoring.bytes > 0) return [];
    this.#stoodAt = now;
    const offsets = this.#restoring.resumeFrom(this.#topics!.next);
    if (isDeepStrictEqual(offsets, this.#offsets)) return [];
    this.#offsets = offsets;
    return [this.#transactions.standing(offsets, this.#heardAt)];
  }

  async #take(messages: readonly TopicMessage[]): Promise<void> {
    const now = Date.now();
    if (messages.length > 0) this.#heardAt = now;
    for (const message of messages) this.#takeOne(message, now);
    this.#push(this.#restoring.ready());
    this.#holdBack();
    while (this.#readyBytes > maxReadyBytes && !this.#closed) await delay(tickMs);
  }

  #takeOne(message: TopicMessage, now: number): void {
    const record = readRecord(message, this.#names);
    if (record.kind === 'schema') this.#types.learn(record);
    if (message.offset < (this.#from[partitionName(message)] ?? 0)) return;
    this.#restoring.take(record, message, now);
  }

  #push(restored: readonly Restored[]): void {
    for (const each of restored) {
      this.#ready.push(each);
      for (const { bytes } of each.rows) this.#readyBytes += bytes;
    }
  }

  /** Finds out that nothing more can come for what has no end, or has two: by reading on to where the topics end now. */
  async #settle(): Promise<void> {
    const question = this.#question();
    if (!question) return;
    this.#fence ??= await this.#fenceFor(question);
    if (!this.#fence) return;
    if (this.#isStalled(this.#fence.ends)) this.#mayHoldBytes = 2 * this.#restoring.bytes;
    if (!this.#hasReached(this.#fence.ends)) return;
    const { settle } = this.#fence;
    this.#fence = undefined;
    this.#askedAt = Date.now();
    settle();
  }

  /** What it is that cannot be told from the messages alone; asked at most so often. */
  #question(): (() => void) | undefined {
    if (this.#fence) return this.#fence.settle;
    if (Date.now() - this.#askedAt < askEveryMs) return undefined;
    const open = this.#restoring.unconfirmed;
    if (open) return () => this.#confirm(open);
    const heardBefore = Date.now() - quietMs;
    const { quietSince } = this.#restoring;
    if (quietSince === undefined || quietSince > heardBefore) return undefined;
    return () => this.#push(this.#restoring.infer(heardBefore));
  }

  async #fenceFor(settle: () => void): Promise<Fence | undefined> {
    const open = this.#restoring.unconfirmed;
    const version = open?.version;
    this.#askedAt = Date.now();
    const ends = await this.#topics!.ends();
    return (
      ends && {
        ends,
        settle: () => {
          if (open && version !== undefined) open.confirmedVersion = version;
          settle();
        },
      }
    );
  }

  #hasReached(ends: Ends): boolean {
    const next = this.#topics!.next;
    return [...ends].every(([partition, end]) => (next.get(partition) ?? 0) >= end);
  }

  /** What waits for a topic that is behind is bounded: those that have passed the first open transaction are read no further. */
  #holdBack(): void {
    const { bytes, first } = this.#restoring;
    if (bytes <= this.#maxHeldBytes) this.#mayHoldBytes = this.#maxHeldBytes;
    const sentAt = first && bytes > this.#mayHoldBytes ? first.lastSentAt : Number.POSITIVE_INFINITY;
    this.#topics?.holdBackAfter(sentAt);
  }

  /** All the other partitions are read to their ends. */
  #isStalled(ends: Ends): boolean {
    const { heldBack } = this.#topics!;
    return heldBack.size > 0 && this.#hasReached(new Map([...ends].filter(([partition]) => !heldBack.has(partition))));
  }

  #confirm(open: OpenTransaction): void {
    this.#push(this.#restoring.ready());
    if (open.missing === 0) this.#missing = undefined;
    else if (this.#missing?.gtid !== open.gtid) this.#missing = { gtid: open.gtid, at: Date.now() };
    else if (Date.now() - this.#missing.at > missingMs) throw incomplete(open);
  }

  #watchSilence(): void {
    const silentMs = Date.now() - this.#heardAt;
    const isSilent = silentMs > this.#config.silentAfter;
    if (isSilent === this.#isSilent) return;
    this.#isSilent = isSilent;
    this.#telemetry.silent(isSilent ? silentMs : undefined);
  }
}

/** The offset behind the last message, by partition. */
type Ends = ReadonlyMap<string, number>;

/** Where the topics ended when something was asked, and what is known once all of that is read. */
interface Fence {
  readonly ends: Ends;
  readonly settle: () => void;
}

function withoutGtids(position: string): BridgeError {
  return new BridgeError(
    'debezium-unusable',
    `found position ${position}, expected GTIDs: transactions in the topics are known by them; set gtid_mode=ON`,
  );
}

function incomplete({ gtid, missing }: OpenTransaction): BridgeError {
  return new BridgeError(
    'debezium-unusable',
    `transaction ${gtid}: the topics hold ${missing} rows fewer than its end counts; a transform filters messages, or a topic was cut off`,
  );
}
