import { expect, it } from 'vitest';
import { requireRealPart } from '../real-parts/real-part.ts';
import { until } from '../until.ts';
import { byTopics, eachWithLogs, passed, sameEventsCases, startComparableRig } from './debezium-bridges.ts';
import { allEvents, bridgeConfig } from './legacy.ts';

const rig = requireRealPart('Debezium', () => startComparableRig('mariadb'));
const logs = eachWithLogs();

sameEventsCases(rig, logs);

it('refuses to read on from the binlog what was begun from the topics, and says what to do', async () => {
  const { topics, begin } = logs();
  const first = await begin(byTopics(rig()), topics);
  await passed(first);
  await first.stop();
  const second = await begin(bridgeConfig(rig().legacy), topics);
  await expect(second.failed).resolves.toMatchObject({ code: 'source-changed' });
  expect((await second.status()).remedy).toContain('legacy.database.topics');
  await second.stop();
}, 120_000);

it('reads on when the broker was killed and comes back', async () => {
  const { legacy, kafka } = rig();
  const { topics, begin } = logs();
  const bridge = await begin(byTopics(rig()), topics);
  await passed(bridge);
  await kafka.kill();
  await until(async () => (await bridge.status()).phase === 'connecting', 60_000);
  await kafka.restart();
  await legacy.run("INSERT INTO customers (name, created_at) VALUES ('after', '2026-01-01')");
  await passed(bridge);
  await bridge.stop();
  expect((await allEvents(topics.log)).at(-1)).toMatchObject({ action: 'customer-created', data: { name: 'after' } });
}, 240_000);
