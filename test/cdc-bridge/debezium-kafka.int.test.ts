import kafkajs from 'kafkajs';
import { expect, it } from 'vitest';
import type { BridgeError } from '../../cdc-bridge/errors.ts';
import { debeziumSource } from '../../cdc-bridge/source/debezium/debezium-source.ts';
import { firstOffsets } from '../../cdc-bridge/source/debezium/first-offsets.ts';
import { databaseTopics, type TopicsConfig } from '../../cdc-bridge/source/debezium/topics-config.ts';
import { startKafka } from '../real-parts/kafka.ts';
import { requireRealPart } from '../real-parts/real-part.ts';

const kafka = requireRealPart('Kafka', startKafka);
const database = { name: 'shop', query: async () => [] };
const deaf = { connected: () => {}, altered: () => {}, silent: () => {} };

async function withAdmin<T>(work: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
  const admin = client().admin();
  await admin.connect();
  return work(admin).finally(() => admin.disconnect());
}

function client(): kafkajs.Kafka {
  return new kafkajs.Kafka({ brokers: [kafka().broker], logLevel: kafkajs.logLevel.NOTHING });
}

async function publish(topic: string, value: string): Promise<void> {
  const producer = client().producer();
  await producer.connect();
  await producer.send({ topic, messages: [{ value }] });
  await producer.disconnect();
}

const topicsOf = (prefix: string, more: object = {}): TopicsConfig =>
  databaseTopics.parse({ brokers: [kafka().broker], prefix, ...more });

/** How following ends. */
async function followed(topics: TopicsConfig): Promise<BridgeError> {
  const source = debeziumSource(topics, database, 1024 * 1024, deaf);
  const batches = source.follow({ position: 'mariadb:0-1-1', kafka: {} }, AbortSignal.timeout(20_000));
  return (async () => {
    for await (const _ of batches);
  })().then(
    () => expect.unreachable('it was not refused'),
    (error: BridgeError) => error,
  );
}

it('waits for a connector that has published nothing yet, and begins behind what it has published', async () => {
  const topics = topicsOf('late');
  await withAdmin((admin) => admin.createTopics({ topics: [{ topic: 'late.shop.t' }] }));
  const waits: BridgeError[] = [];
  const wait = async (error: BridgeError) => {
    waits.push(error);
    if (waits.length === 1) await publish('__debezium-heartbeat.late', '{"ts_ms":1}');
  };
  const offsets = await firstOffsets(topics, (error) => void wait(error), AbortSignal.timeout(20_000));
  expect(offsets).toEqual({ 'late.shop.t/0': 0, '__debezium-heartbeat.late/0': 1 });
  expect(waits[0]).toMatchObject({ code: 'debezium-unreachable', message: expect.stringContaining('late') });
});

it('refuses a transaction topic of several partitions, which has no order', async () => {
  const topics = [{ topic: 'wide.transaction', numPartitions: 2 }];
  await withAdmin((admin) => admin.createTopics({ topics }));
  expect(await followed(topicsOf('wide'))).toMatchObject({
    code: 'debezium-unusable',
    message: expect.stringContaining('wide.transaction: found 2 partitions'),
  });
});

it('refuses a compacted topic, which lacks changes', async () => {
  const configEntries = [{ name: 'cleanup.policy', value: 'compact' }];
  await withAdmin((admin) => admin.createTopics({ topics: [{ topic: 'thin.shop.t', configEntries }] }));
  expect(await followed(topicsOf('thin'))).toMatchObject({
    code: 'debezium-unusable',
    message: expect.stringContaining('thin.shop.t'),
  });
});

it('logs in by SASL, and a wrong password is no lost connection', async () => {
  const { broker, username, password } = kafka().guarded;
  const as = (secret: string) =>
    topicsOf('guarded', { brokers: [broker], sasl: { mechanism: 'plain', username, password: secret } });
  await publish('__debezium-heartbeat.guarded', '{"ts_ms":1}');
  const never = (error: BridgeError) => expect.unreachable(error.message);
  const signal = AbortSignal.timeout(20_000);
  expect(await firstOffsets(as(password), never, signal)).toEqual({ '__debezium-heartbeat.guarded/0': 1 });
  await expect(firstOffsets(as('wrong'), never, signal)).rejects.toMatchObject({ code: 'debezium-unusable' });
});
