import { GatewayError, type GatewayErrorCode } from '../../errors.ts';
import type { ClientSide } from '../client-side.ts';
import type { UpstreamConfig } from '../config.ts';
import type { ForwardOutcome, ForwardPlan } from '../forwarder.ts';
import { Admission, type Admitted } from './admission.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import type { CheckResult, Health } from './health-check.ts';
import type { TargetsTelemetry } from './targets-telemetry.ts';

/** How an upstream stands, for operators. */
export interface TargetStatus {
  /** `legacy`, or the capability whose new side it is. */
  readonly name: string;
  readonly origin: string;
  readonly forwarder: UpstreamConfig['forwarder'];
  /** `off`: it has none. */
  readonly breaker: BreakerState | 'off';
  readonly health: Health | 'off';
  /** What the last check that failed said, while it is unhealthy. */
  readonly healthDetail?: string;
  /** Requests that it has now, and those that wait for a place. */
  readonly requests: number;
  readonly queued: number;
}

/** Errors that say that a side does not work. What a client did, or we ourselves refused, says nothing of it. */
const sideAtFault: ReadonlySet<GatewayErrorCode> = new Set([
  'upstream-unreachable',
  'upstream-untrusted',
  'upstream-connect-timeout',
  'upstream-response-timeout',
  'upstream-broke-off',
  'upstream-bad-answer',
]);

/**
 * One upstream as requests meet it: in their order (1) the breaker, which refuses at once what would only wait for a side that does not
 * answer; (2) the limit of requests at a time, with its queue; (3) the forwarding. With a health check no client's request is needed to
 * find out whether the side is back: the check closes the breaker, and opens it.
 */
export class Target {
  readonly #config: UpstreamConfig;
  readonly #telemetry: TargetsTelemetry;
  readonly #breaker: Breaker | undefined;
  readonly #admission: Admission | undefined;
  #requests = 0;
  #health: Health = 'unchecked';
  #healthDetail: string | undefined;
  #failedChecks = 0;

  constructor(config: UpstreamConfig, now: () => number, telemetry: TargetsTelemetry) {
    const { name, breaker, limits } = config;
    this.#config = config;
    this.#telemetry = telemetry;
    this.#breaker = breaker && new Breaker(breaker, now, (state) => telemetry.breaker(name, state));
    this.#admission = limits && new Admission(limits);
  }

  /** Forwards, unless that is refused: then the outcome is failed with `target-suspended` or `target-busy`, and nothing was sent. Never rejects. */
  forward(client: ClientSide, plan: ForwardPlan): Promise<ForwardOutcome> {
    if (!this.#mayAsk()) return Promise.resolve(this.#suspended());
    const admitted = this.#admission?.enter() ?? 'admitted';
    if (admitted === 'admitted') return this.#forwardNow(client, plan);
    return this.#forwardWhen(admitted, client, plan);
  }

  /** What a health check has found. */
  checked(result: CheckResult): void {
    this.#failedChecks = result.kind === 'healthy' ? 0 : this.#failedChecks + 1;
    if (result.kind === 'healthy') {
      this.#breaker?.succeeded();
      this.#become('healthy', undefined);
    } else if (this.#failedChecks >= (this.#config.health?.failures ?? 1)) {
      this.#breaker?.trip();
      this.#become('unhealthy', result.detail);
    }
  }

  status(): TargetStatus {
    const { name, origin, forwarder, health } = this.#config;
    return {
      name,
      origin,
      forwarder,
      breaker: this.#breaker?.state ?? 'off',
      health: health ? this.#health : 'off',
      ...(this.#healthDetail === undefined ? {} : { healthDetail: this.#healthDetail }),
      requests: this.#requests,
      queued: this.#admission?.queued ?? 0,
    };
  }

  /** A side that a health check has found out of order is asked again when a check says so, not by trying with a client's request. */
  #mayAsk(): boolean {
    if (this.#breaker === undefined) return true;
    if (this.#health === 'unhealthy') return false;
    return this.#breaker.allow();
  }

  async #forwardWhen(
    wait: Promise<Admitted> | Admitted,
    client: ClientSide,
    plan: ForwardPlan,
  ): Promise<ForwardOutcome> {
    const admitted = await wait;
    if (admitted === 'admitted') return this.#forwardNow(client, plan);
    this.#breaker?.withdrawn();
    return this.#busy(admitted);
  }

  #forwardNow(client: ClientSide, plan: ForwardPlan): Promise<ForwardOutcome> {
    this.#requests += 1;
    return client.forward(plan).then((outcome) => {
      this.#requests -= 1;
      this.#admission?.leave();
      if (this.#breaker) judge(this.#breaker, outcome, this.#config.responseTimeoutMs);
      return outcome;
    });
  }

  #suspended(): ForwardOutcome {
    this.#telemetry.turnedAway(this.#config.name, 'suspended');
    return turnedAway('target-suspended', `${this.#config.name} has not answered lately and is not asked for a while`);
  }

  #busy(reason: Exclude<Admitted, 'admitted'>): ForwardOutcome {
    this.#telemetry.turnedAway(this.#config.name, reason);
    const { name, limits } = this.#config;
    const found = reason === 'queue-full' ? 'the queue is full' : `no place within ${limits?.queueTimeoutMs} ms`;
    return turnedAway('target-busy', `${name} has ${limits?.requests} requests already, and ${found}`);
  }

  #become(health: Health, detail: string | undefined): void {
    const changed = this.#health !== health;
    this.#health = health;
    this.#healthDetail = detail;
    if (changed) this.#telemetry.health(this.#config.name, health, detail);
  }
}

/** A client that waited so long for a first byte in vain, of what the target is given, has left because of the target. */
const patience = 0.5;

/** An answer of any status is an answer: a broken page is the application's affair, not a side that is away. */
function judge(breaker: Breaker, outcome: ForwardOutcome, responseTimeoutMs: number): void {
  switch (outcome.kind) {
    case 'answered':
    case 'declined':
    case 'tunnelled':
      breaker.succeeded();
      break;
    case 'truncated':
      breaker.failed();
      break;
    case 'failed':
      if (sideAtFault.has(outcome.error.code)) breaker.failed();
      else breaker.withdrawn();
      break;
    case 'abandoned':
      if (outcome.firstByteMs === undefined && outcome.durationMs >= responseTimeoutMs * patience) breaker.failed();
      else breaker.withdrawn();
      break;
    case 'handed-over':
      breaker.withdrawn();
      break;
    default:
      outcome satisfies never;
  }
}

function turnedAway(code: GatewayErrorCode, message: string): ForwardOutcome {
  return {
    kind: 'failed',
    error: new GatewayError(code, message),
    durationMs: 0,
    firstByteMs: undefined,
    requestBytes: 0,
    answerBytes: 0,
    attempts: 0,
  };
}
