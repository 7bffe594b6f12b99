import { setTimeout as delay } from 'node:timers/promises';
import { BridgeError } from '../../errors.ts';
import type { KafkaOffsets } from '../../positions/cursor.ts';
import { endsOfTopics } from './kafka-topics.ts';
import { type TopicsConfig, topicNames } from './topics-config.ts';

const waitMs = 1_000;

/**
 * Where the topics end now that the connector has published something. The connector began before that, so all that is committed from now on
 * will be published behind these offsets: look at the head of the binlog after this, and nothing is missed. Waits for brokers and connector,
 * each time telling of what; `{}` when `signal` aborts. Throws BridgeError `debezium-unusable`.
 */
export async function firstOffsets(
  topics: TopicsConfig,
  onWait: (error: BridgeError, waitMs: number) => void,
  signal: AbortSignal,
): Promise<KafkaOffsets> {
  while (!signal.aborted) {
    try {
      const ends = await endsOfTopics(topics, topicNames(topics));
      if (ends) return ends;
      throw nothingYet(topics);
    } catch (error) {
      if (!(error instanceof BridgeError) || !error.retriable) throw error;
      onWait(error, waitMs);
      await delay(waitMs, undefined, { signal }).catch(() => {});
    }
  }
  return {};
}

function nothingYet({ prefix }: TopicsConfig): BridgeError {
  return new BridgeError(
    'debezium-unreachable',
    `the connector with topic.prefix ${prefix} has published nothing yet, not even a heartbeat: the bridge begins when it has`,
  );
}
