import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { databaseTopics, type TopicsConfig } from '../../cdc-bridge/source/debezium/topics-config.ts';
import { findDatabase } from '../../cli/database/find-database.ts';
import { freePort } from '../free-port.ts';
import { type DebeziumWish, type RunningDebezium, startDebezium } from '../real-parts/debezium.ts';
import { type RunningKafka, startKafka } from '../real-parts/kafka.ts';
import { startMysql } from '../real-parts/mysql.ts';
import type { RealPart } from '../real-parts/real-part.ts';
import { createLegacy, type Legacy } from './legacy.ts';

/** A legacy database on a server of its own, since a statement of another test may end the connector; Kafka; and a Debezium between them. */
export interface DebeziumRig extends RealPart {
  readonly legacy: Legacy;
  readonly kafka: RunningKafka;
  readonly debezium: RunningDebezium;
  readonly topics: TopicsConfig;
}

export interface RigWish {
  readonly connector: DebeziumWish['connector'];
  /** Run before Debezium looks at the tables. */
  readonly prepare?: (legacy: Legacy) => Promise<void>;
  readonly schemas?: boolean;
  readonly options?: DebeziumWish['options'];
  readonly encodings?: TopicsConfig['encodings'];
}

/** What the worker's settings in test/real-parts/debezium.ts are in ours. */
export const plainEncodings: TopicsConfig['encodings'] = {
  decimal: 'string',
  time: 'adaptive_time_microseconds',
  bigintUnsigned: 'long',
  binary: 'base64',
};

export async function startRig(wish: RigWish): Promise<DebeziumRig> {
  const { connector, prepare = async () => {}, schemas = false, options = {} } = wish;
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const end of stops.reverse()) await end();
  };
  try {
    const server = await (connector === 'mysql' ? startMysql() : privateMariadb());
    stops.push(() => server.stop());
    const legacy = await createLegacy(new URL(server.url));
    stops.push(() => legacy.connection.end());
    await prepare(legacy);
    const kafka = await startKafka();
    stops.push(() => kafka.stop());
    const debezium = await startDebezium({ database: legacy.url, connector, broker: kafka.broker, schemas, options });
    stops.push(() => debezium.stop());
    const topics = databaseTopics.parse({
      brokers: [kafka.broker],
      prefix: debezium.prefix,
      encodings: wish.encodings ?? (schemas ? { binary: 'base64' } : plainEncodings),
    });
    return { version: `${debezium.version}, on Kafka ${kafka.version}`, legacy, kafka, debezium, topics, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function privateMariadb(): Promise<{ url: string; stop(): Promise<void> }> {
  const data = resolve(`.data/test/debezium-${process.pid}-${randomInt(1e9)}`);
  const database = await findDatabase({
    packages: '.data/packages',
    data,
    port: await freePort(),
    environment: {},
    report: () => {},
  });
  const stop = async () => {
    await database.stop();
    rmSync(data, { recursive: true, force: true });
  };
  return { url: database.rootUrl!, stop };
}
