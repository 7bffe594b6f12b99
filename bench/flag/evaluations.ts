import { EventEmitter } from 'node:events';
import { Unleash, type UnleashConfig } from 'unleash-client';
import { type Feature, featureOf } from '../../gateway/flags/feature.ts';
import { FlagUses } from '../../gateway/flags/flag-uses.ts';
import { clientOfMemory } from '../../gateway/flags/unleash-client.ts';
import type { RequestFacts } from '../../gateway/routing/decision.ts';
import { median } from '../quantile.ts';

const evaluationsPerRound = 200_000;
const rounds = 7;
const route = { name: 'GET /shipments/{id}', capability: 'shipments' };

const constraints = [
  { contextName: 'capability', operator: 'IN', values: ['shipments', 'orders'], inverted: false },
  { contextName: 'userId', operator: 'STR_STARTS_WITH', values: ['user-'], inverted: false },
];
const parameters = { rollout: '50', stickiness: 'default', groupId: 'f' };
const variants = [
  { name: 'red', weight: 500 },
  { name: 'blue', weight: 500 },
];

const features: readonly (readonly [string, Feature])[] = [
  ['switched on', featureOf('f', { enabled: true }, undefined)],
  ['50 % of the assignment keys', featureOf('f', { enabled: true, percent: 50 }, undefined)],
  [
    '50 % of users, two constraints',
    featureOf('f', { enabled: true, strategies: [{ name: 'flexibleRollout', parameters, constraints }] }, undefined),
  ],
  ['50 % of the assignment keys, two variants', featureOf('f', { enabled: true, percent: 50, variants }, undefined)],
];

const requests: readonly RequestFacts[] = Array.from({ length: 1_000 }, (_, index) => ({
  method: 'GET',
  host: 'shop.example',
  target: '/shipments/7',
  header: () => undefined,
  cookie: () => undefined,
  clientAddress: '192.0.2.7',
  user: index % 2 ? `user-${index}` : undefined,
  assignmentKey: `6f1ed002-ab55-4c61-9a0e-${String(index).padStart(12, '0')}`,
}));

/** Microseconds per evaluation, use counted, as the gateway does it and as unleash-client alone does. */
export function measureEvaluations(): (string | number)[][] {
  return features.map(([name, feature]) => {
    const [ours, client] = [compiled(feature), unleashClient(feature)];
    const times = Array.from({ length: rounds }, () => [microseconds(ours), microseconds(client)] as const);
    const [compiledUs, clientUs] = [median(times.map(([one]) => one)), median(times.map(([, other]) => other))];
    return [name, compiledUs, clientUs, clientUs / compiledUs];
  });
}

type Evaluate = (facts: RequestFacts) => boolean;

function compiled(feature: Feature): Evaluate {
  const definitions = { feature: () => feature, segment: () => undefined, segmentsRevision: () => undefined };
  const client = clientOfMemory(definitions, { uses: new FlagUses(), onComplaint: fail });
  return (facts) => client.evaluate('f', facts, route).enabled;
}

function unleashClient(feature: Feature): Evaluate {
  const repository = Object.assign(new EventEmitter(), { getToggle: () => feature, start() {}, stop() {} });
  const client = new Unleash({
    appName: 'bench',
    url: 'http://127.0.0.1/api/',
    repository: repository as unknown as NonNullable<UnleashConfig['repository']>,
    disableAutoStart: true,
    skipInstanceCountWarning: true,
  });
  client.on('error', fail);
  repository.emit('ready');
  return ({ user, assignmentKey, clientAddress }) =>
    client.isEnabled('f', {
      userId: user ?? assignmentKey,
      sessionId: assignmentKey,
      remoteAddress: clientAddress,
      properties: { route: route.name, capability: route.capability },
    });
}

function fail(complaint: unknown): never {
  throw new Error(`the evaluator complained: ${String(complaint)}`);
}

function microseconds(evaluate: Evaluate): number {
  let on = 0;
  const startedAt = performance.now();
  for (let index = 0; index < evaluationsPerRound; index += 1) {
    if (evaluate(requests[index % requests.length]!)) on += 1;
  }
  const elapsedMs = performance.now() - startedAt;
  if (on === 0) throw new Error('found the flag on for nobody, expected it on for some');
  return (1_000 * elapsedMs) / evaluationsPerRound;
}
