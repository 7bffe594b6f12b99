import { randomUUID } from 'node:crypto';
import type { Admin, Consumer, EachBatchPayload, KafkaConfig } from 'kafkajs';
import kafkajs from 'kafkajs';
import { BridgeError } from '../../errors.ts';
import type { KafkaOffsets } from '../../positions/cursor.ts';
import { partitionName } from './open-transaction.ts';
import { isOurs, type TopicMessage, type TopicNames } from './record.ts';

const { ConfigResourceTypes, Kafka, KafkaJSError, logLevel } = kafkajs;

/** How the brokers are reached. */
export interface BrokerSettings {
  readonly brokers: readonly string[];
  readonly ssl?: boolean | undefined;
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
}

/** Told what is read, and of what ends the reading. */
export interface TopicListener {
  /** Messages of one partition in their order; the next ones of it come when this has resolved. */
  onMessages(messages: readonly TopicMessage[]): Promise<void>;
  onFailure(error: BridgeError): void;
}

/** An idle fetch waits no longer: kafkajs lets it block a rejoin for as long. */
const maxWaitMs = 100;
/** A new table is a new topic. */
const refreshMs = 1_000;
const connectionTimeoutMs = 5_000;
const maxBytesPerPartition = 4 * 1024 * 1024;

/** Where the connector's topics end now; undefined when it has published nothing yet. Throws BridgeError `debezium-unreachable` or `debezium-unusable`. */
export async function endsOfTopics(settings: BrokerSettings, names: TopicNames): Promise<KafkaOffsets | undefined> {
  const admin = new Kafka(clientConfig(settings)).admin();
  try {
    await admin.connect();
    const topics = (await admin.listTopics()).filter((topic) => isOurs(topic, names));
    const partitions = await Promise.all(topics.map((topic) => partitionsOf(admin, topic)));
    const ends = partitions.flat().map(({ partition, high }) => [partition, high] as const);
    return ends.some(([, end]) => end > 0) ? Object.fromEntries(ends) : undefined;
  } catch (error) {
    throw translated(error);
  } finally {
    await admin.disconnect();
  }
}

/**
 * Reads the topics of one connector, from offsets that we keep ourselves, the one door to kafkajs. New topics are found while it runs. The
 * group's name is random: nobody shares its partitions, and nothing is committed to the brokers.
 */
export class KafkaTopics {
  readonly #names: TopicNames;
  readonly #from: KafkaOffsets;
  readonly #listener: TopicListener;
  readonly #kafka: kafkajs.Kafka;
  readonly #admin: Admin;
  /** Offset of the next message, by partition: everything before it was given to the listener. */
  readonly next = new Map<string, number>();
  /** When the last message that was read had been sent, by partition. */
  readonly #readUpTo = new Map<string, number>();
  readonly #heldBack = new Set<string>();
  readonly #topics = new Set<string>();
  #consumer: Consumer | undefined;
  #refresh: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(settings: BrokerSettings, names: TopicNames, from: KafkaOffsets, listener: TopicListener) {
    this.#names = names;
    this.#from = from;
    this.#listener = listener;
    this.#kafka = new Kafka(clientConfig(settings));
    this.#admin = this.#kafka.admin();
  }

  /** Throws BridgeError `debezium-unreachable`, `debezium-trimmed` or `debezium-unusable`. */
  static async open(
    settings: BrokerSettings,
    names: TopicNames,
    from: KafkaOffsets,
    listener: TopicListener,
  ): Promise<KafkaTopics> {
    const topics = new KafkaTopics(settings, names, from, listener);
    try {
      await topics.#admin.connect();
      await topics.#lookForTopics();
      return topics;
    } catch (error) {
      await topics.close();
      throw translated(error);
    }
  }

  /** The offset behind the last message there is now, by partition; undefined while there is a topic that is not read yet. */
  async ends(): Promise<Map<string, number> | undefined> {
    try {
      const all = await this.#admin.listTopics();
      if (all.some((topic) => isOurs(topic, this.#names) && !this.#topics.has(topic))) return undefined;
      const ends = await Promise.all([...this.#topics].map((topic) => partitionsOf(this.#admin, topic)));
      return new Map(ends.flat().map(({ partition, high }) => [partition, high]));
    } catch (error) {
      throw translated(error);
    }
  }

  /** Partitions that are read no further for now. */
  get heldBack(): ReadonlySet<string> {
    return this.#heldBack;
  }

  /** Reads no further where what was sent at `sentAt` is passed, and goes on everywhere else. */
  holdBackAfter(sentAt: number): void {
    for (const [name, readUpTo] of this.#readUpTo) {
      const isAhead = readUpTo > sentAt;
      if (isAhead === this.#heldBack.has(name)) continue;
      if (isAhead) this.#heldBack.add(name);
      else this.#heldBack.delete(name);
      this.#consumer?.[isAhead ? 'pause' : 'resume']([onePartition(name)]);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#refresh);
    await Promise.allSettled([this.#consumer?.disconnect(), this.#admin.disconnect()]);
  }

  async #lookForTopics(): Promise<void> {
    const fresh = (await this.#admin.listTopics()).filter(
      (topic) => isOurs(topic, this.#names) && !this.#topics.has(topic),
    );
    if (fresh.length > 0) {
      await this.#refuseCompacted(fresh);
      for (const topic of fresh) await this.#begin(topic);
      for (const topic of fresh) this.#topics.add(topic);
      await this.#consume();
    }
    if (!this.#closed) this.#refresh = setTimeout(() => this.#again(), refreshMs);
  }

  #again(): void {
    this.#lookForTopics().catch((error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (!this.#closed) this.#listener.onFailure(translated(error));
  }

  /** Sets where a topic is read from. Schema changes are always read whole: they tell what later rows are made of. */
  async #begin(topic: string): Promise<void> {
    const partitions = await partitionsOf(this.#admin, topic);
    if (topic === this.#names.transaction && partitions.length > 1) {
      throw new BridgeError(
        'debezium-unusable',
        `topic ${topic}: found ${partitions.length} partitions, expected one, so that BEGIN and END come in the order of the binlog`,
      );
    }
    for (const { partition, low, high } of partitions) {
      const from = topic === this.#names.prefix ? low : (this.#from[partition] ?? low);
      if (from < low || from > high) throw gone(partition, from, low, high);
      this.next.set(partition, from);
    }
  }

  /** A compacted topic keeps the last change of each key only. */
  async #refuseCompacted(topics: readonly string[]): Promise<void> {
    const { resources } = await this.#admin.describeConfigs({
      includeSynonyms: false,
      resources: topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name, configNames: ['cleanup.policy'] })),
    });
    for (const { resourceName, configEntries } of resources) {
      if (configEntries.some(({ configValue }) => configValue.includes('compact'))) {
        throw new BridgeError(
          'debezium-unusable',
          `topic ${resourceName}: found cleanup.policy=compact, which removes changes; expected delete`,
        );
      }
    }
  }

  /** kafkajs reads the topics that it was told of before it ran, so each time there are more another consumer begins. */
  async #consume(): Promise<void> {
    await this.#consumer?.disconnect();
    if (this.#closed) return;
    const consumer = this.#kafka.consumer({
      groupId: `strangler-bridge-${randomUUID()}`,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: maxWaitMs,
      maxBytesPerPartition,
      retry: { restartOnFailure: async () => false, retries: 8, initialRetryTime: 50, maxRetryTime: 1_000 },
    });
    this.#consumer = consumer;
    this.#heldBack.clear();
    consumer.on(consumer.events.CRASH, ({ payload }) => this.#fail(payload.error));
    await consumer.connect();
    await consumer.subscribe({ topics: [...this.#topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 4,
      eachBatch: (payload) => this.#take(payload, consumer),
    });
    for (const [name, offset] of this.next) {
      const { topic, partitions } = onePartition(name);
      consumer.seek({ topic, partition: partitions[0], offset: String(offset) });
    }
  }

  /** A seek may come too late for the first batch: what is before the next offset is passed over, what is behind a gap waits for the seek. */
  async #take({ batch, heartbeat, resolveOffset }: EachBatchPayload, consumer: Consumer): Promise<void> {
    if (this.#closed || consumer !== this.#consumer) return;
    const { topic, partition } = batch;
    const name = partitionName({ topic, partition });
    const next = this.next.get(name) ?? 0;
    const messages = batch.messages
      .filter(({ offset }) => Number(offset) >= next)
      .map(({ offset, timestamp, value }) => ({
        topic,
        partition,
        offset: Number(offset),
        sentAt: Number(timestamp),
        value,
      }));
    const beating = setInterval(() => heartbeat().catch((error) => this.#fail(error)), 3_000);
    try {
      this.#readUpTo.set(name, messages.at(-1)?.sentAt ?? 0);
      await this.#listener.onMessages(messages);
      if (consumer === this.#consumer) this.next.set(name, Math.max(next, Number(batch.lastOffset()) + 1));
      resolveOffset(batch.lastOffset());
    } catch (error) {
      this.#fail(error);
    } finally {
      clearInterval(beating);
    }
    await heartbeat();
  }
}

/** A `TOPIC/PARTITION` as kafkajs wants it. */
function onePartition(name: string): { topic: string; partitions: [number] } {
  const slash = name.lastIndexOf('/');
  return { topic: name.slice(0, slash), partitions: [Number(name.slice(slash + 1))] };
}

interface Partition {
  readonly partition: string;
  readonly low: number;
  readonly high: number;
}

async function partitionsOf(admin: Admin, topic: string): Promise<Partition[]> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return offsets.map(({ partition, low, high }) => ({
    partition: partitionName({ topic, partition }),
    low: Number(low),
    high: Number(high),
  }));
}

function clientConfig({ brokers, ssl, sasl }: BrokerSettings): KafkaConfig {
  return {
    clientId: 'strangler-bridge',
    brokers: [...brokers],
    connectionTimeout: connectionTimeoutMs,
    retry: { retries: 2, initialRetryTime: 100 },
    logLevel: logLevel.NOTHING,
    ...(ssl ? { ssl } : {}),
    ...(sasl ? { sasl: sasl as NonNullable<KafkaConfig['sasl']> } : {}),
  };
}

function gone(partition: string, from: number, low: number, high: number): BridgeError {
  const found = from < low ? `its messages before ${low} are deleted` : `it ends at ${high}: it was made anew`;
  return new BridgeError('debezium-trimmed', `${partition}: reading goes on at offset ${from}, but ${found}`);
}

/** What kafkajs cannot do now it may do later, but for what the brokers refuse: an account, a permission. */
function translated(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  const { message, type = '' } = error as Error & { type?: string };
  const refused =
    /AUTHORIZATION_FAILED|SASL|ILLEGAL_SASL/.test(type) || (error as Error).name === 'KafkaJSSASLAuthenticationError';
  const code = refused || !(error instanceof KafkaJSError) ? 'debezium-unusable' : 'debezium-unreachable';
  return new BridgeError(code, `Kafka: ${message}`, { cause: error });
}
