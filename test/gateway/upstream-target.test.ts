import { describe, expect, it } from 'vitest';
import { GatewayError, type GatewayErrorCode } from '../../gateway/errors.ts';
import type { ClientSide } from '../../gateway/forwarding/client-side.ts';
import type { UpstreamConfig } from '../../gateway/forwarding/config.ts';
import type { Ending, ForwardOutcome, ForwardPlan } from '../../gateway/forwarding/forwarder.ts';
import { Target } from '../../gateway/forwarding/upstreams/target.ts';
import { targetsTelemetry } from '../../gateway/forwarding/upstreams/targets-telemetry.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { configure } from './configure.ts';

const answered: Ending = { kind: 'answered', status: 500, rawHeaders: [], copy: undefined };
const failed = (code: GatewayErrorCode): Ending => ({ kind: 'failed', error: new GatewayError(code, 'a test') });
const silence = failed('upstream-response-timeout');

/** A client whose requests end as a test says, when it says. */
class Requests {
  readonly open: ((ending: Ending, effort?: Partial<ForwardOutcome>) => void)[] = [];
  readonly client = {
    forward: () =>
      new Promise<ForwardOutcome>((resolve) => {
        this.open.push((ending, effort = {}) => resolve({ ...none, ...effort, ...ending } as ForwardOutcome));
      }),
  } as unknown as ClientSide;
}

const none = { durationMs: 1, firstByteMs: undefined, requestBytes: 0, answerBytes: 0, attempts: 1 };

function start(keys: object) {
  let nowMs = 0;
  const metrics = new Metrics();
  const config: UpstreamConfig = configure({ legacy: { url: 'http://127.0.0.1:9', ...keys } }).legacy;
  const target = new Target(config, () => nowMs, targetsTelemetry(silent, metrics));
  const requests = new Requests();
  const forward = () => target.forward(requests.client, { upstream: config } as ForwardPlan);
  const codeOf = async (outcome: Promise<ForwardOutcome>) => {
    const ended = await outcome;
    return ended.kind === 'failed' ? ended.error.code : ended.kind;
  };
  /** One request that ends so. */
  const ask = async (ending: Ending, effort?: Partial<ForwardOutcome>) => {
    const outcome = forward();
    requests.open.shift()?.(ending, effort);
    return codeOf(outcome);
  };
  return { target, requests, metrics, forward, codeOf, ask, pass: (ms: number) => (nowMs += ms) };
}

const withBreaker = { breaker: { failures: 2, openFor: '5s' } };

describe('the breaker of a target', () => {
  it('refuses at once after failures one after the other, and lets one request try when its time is over', async () => {
    const { ask, forward, requests, codeOf, pass } = start(withBreaker);
    await ask(silence);
    await ask(silence);
    expect(await ask(answered)).toBe('target-suspended');
    pass(5_000);
    const probe = forward();
    expect(await codeOf(forward())).toBe('target-suspended');
    requests.open.shift()?.(answered);
    expect(await codeOf(probe)).toBe('answered');
    expect(await ask(answered)).toBe('answered');
  });

  it('stays open for another time when the probe fails', async () => {
    const { ask, pass } = start(withBreaker);
    await ask(silence);
    await ask(silence);
    pass(5_000);
    expect(await ask(silence)).toBe('upstream-response-timeout');
    expect(await ask(answered)).toBe('target-suspended');
  });

  it.each<[string, Ending]>([
    ['whose client has left', { kind: 'abandoned' }],
    ['that was handed over', { kind: 'handed-over' }],
    ['whose client stood still', failed('client-stalled')],
  ])('lets another request try after a probe %s', async (_, ending) => {
    const { ask, pass } = start(withBreaker);
    await ask(silence);
    await ask(silence);
    pass(5_000);
    await ask(ending);
    expect(await ask(answered)).toBe('answered');
  });

  it.each<[string, Ending]>([
    ['answers of 500', answered],
    ['clients that leave', { kind: 'abandoned' }],
    ['clients that stand still', failed('client-stalled')],
    ['what the gateway refused itself', failed('unsupported-transfer-coding')],
  ])('is not opened by %s', async (_, ending) => {
    const { ask } = start(withBreaker);
    for (let sent = 0; sent < 10; sent += 1) await ask(ending);
    expect(await ask(answered)).toBe('answered');
  });

  it('is opened by clients that leave after they have waited half the time that the target is given', async () => {
    const { ask } = start({ ...withBreaker, timeouts: { response: '1s' } });
    await ask({ kind: 'abandoned' }, { durationMs: 600 });
    await ask({ kind: 'abandoned' }, { durationMs: 600 });
    expect(await ask(answered)).toBe('target-suspended');
  });

  it('is off for legacy unless asked for, and on for a service', () => {
    const { legacy, capabilities } = configure({ capabilities: { shop: { service: 'http://127.0.0.1:9' } } });
    expect(legacy.breaker).toBeUndefined();
    expect(capabilities[0]!.service?.breaker).toEqual({ failures: 5, openMs: 5_000 });
  });
});

describe('the health check of a target', () => {
  const checked = { ...withBreaker, health: { path: '/healthz', failures: 2 } };
  const sick = { kind: 'unhealthy', detail: 'answered 503' } as const;

  it('suspends it after so many failures, and only a check that passes brings it back', async () => {
    const { target, ask, pass } = start(checked);
    target.checked(sick);
    expect(await ask(answered)).toBe('answered');
    target.checked(sick);
    pass(60_000);
    expect(await ask(answered)).toBe('target-suspended');
    expect(target.status()).toMatchObject({ breaker: 'open', health: 'unhealthy', healthDetail: 'answered 503' });
    target.checked({ kind: 'healthy' });
    expect(await ask(answered)).toBe('answered');
  });

  it('only tells where the breaker is off', async () => {
    const { target, ask } = start({ health: { path: '/healthz', failures: 1 } });
    target.checked(sick);
    expect(await ask(answered)).toBe('answered');
    expect(target.status()).toMatchObject({ breaker: 'off', health: 'unhealthy' });
  });
});

describe('the limits of a target', () => {
  it('let waiting requests through in their order and refuse what does not fit', async () => {
    const { target, forward, requests, codeOf } = start({ limits: { requests: 1, queue: 2, queueTimeout: '1h' } });
    const order: string[] = [];
    const [first, second, third] = ['first', 'second', 'third'].map((name) =>
      codeOf(forward()).then((code) => order.push(`${name} ${code}`)),
    );
    expect(await codeOf(forward())).toBe('target-busy');
    expect(target.status()).toMatchObject({ requests: 1, queued: 2 });
    for (const waiting of [first, second, third]) {
      requests.open.shift()!(answered);
      await waiting;
    }
    expect(order).toEqual(['first answered', 'second answered', 'third answered']);
    expect(target.status()).toMatchObject({ requests: 0, queued: 0 });
  });

  it('give up a request that waited too long, and its place goes to nobody', async () => {
    const { target, forward, requests, codeOf } = start({ limits: { requests: 1, queue: 1, queueTimeout: '10ms' } });
    const first = forward();
    expect(await codeOf(forward())).toBe('target-busy');
    requests.open.shift()!(answered);
    expect(await codeOf(first)).toBe('answered');
    expect(target.status()).toMatchObject({ requests: 0, queued: 0 });
  });

  it('count what was turned away, by target and reason', async () => {
    const { forward, codeOf, metrics } = start({ limits: { requests: 1, queue: 0 } });
    void forward();
    await codeOf(forward());
    expect(await metrics.text()).toContain('strangler_target_turned_away_total{name="legacy",reason="queue-full"} 1');
  });
});
