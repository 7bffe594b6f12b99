import { setMaxListeners } from 'node:events';
import type { CompareRules } from '../comparison/config.ts';
import type { DropReason, EvidenceSink } from '../evidence/shadow-result.ts';
import { Breaker, type BreakerState } from '../forwarding/upstreams/breaker.ts';
import type { Target } from '../routing/stage.ts';
import { Asker, type Upstream } from './ask.ts';
import type { ShadowBudget } from './config.ts';
import { ConfirmedPlaces } from './confirmed-places.ts';
import type { Exchange, Shadow } from './exchange.ts';
import { type Judging, judge } from './judge.ts';
import type { ShadowTelemetry } from './shadow-telemetry.ts';

/** What an exchange takes beside its bodies: its head, both heads of answers. */
const overheadBytes = 16 * 1024;
const breakerLimits = { failures: 5, openMs: 10_000 };

/** How a shadow is doing, for status pages. */
export interface ShadowStatus {
  readonly capability: string;
  readonly running: number;
  readonly waiting: number;
  readonly heldBytes: number;
  readonly breaker: BreakerState;
}

/** A shadow with a name that can tell how it is. */
export interface CapabilityShadow extends Shadow {
  /** Asks what it still has to ask, then stops. To be called when nothing will be offered any more. */
  finish(): Promise<void>;
  status(): ShadowStatus;
}

/** What the shadow of one capability stands on. */
export interface ShadowPorts {
  readonly capability: string;
  readonly budget: ShadowBudget;
  /** Where and how a side is asked for this exchange: origin, target as rewritten, every header field, the user signed for the new side. */
  readonly upstream: (exchange: Exchange, side: Target) => Upstream;
  /** See `Judging.atLeast`. A rejection counts as undefined, as does silence for longer than the deadline. */
  readonly atLeast: (() => Promise<string | undefined>) | undefined;
  readonly rulesOf: (exchange: Exchange) => CompareRules;
  readonly evidence: EvidenceSink;
  readonly telemetry: ShadowTelemetry;
  readonly now?: () => number;
}

/** Shadow traffic of one capability: a queue, a budget and a breaker of its own, so that no capability suffers from another's new side. */
export function startShadow(ports: ShadowPorts): CapabilityShadow {
  return new BudgetedShadow(ports);
}

interface Waiting {
  readonly exchange: Exchange;
  readonly route: string;
  readonly side: Target;
  readonly since: number;
  readonly bytes: number;
}

class BudgetedShadow implements CapabilityShadow {
  readonly #ports: ShadowPorts;
  readonly #now: () => number;
  readonly #asker: Asker;
  readonly #breaker: Breaker;
  readonly #confirmed: ConfirmedPlaces;
  readonly #stopping = new AbortController();
  readonly #waiting: Waiting[] = [];
  readonly #running = new Set<Promise<void>>();
  #heldBytes = 0;

  constructor(ports: ShadowPorts) {
    this.#ports = ports;
    this.#now = ports.now ?? (() => performance.now());
    this.#confirmed = new ConfirmedPlaces(this.#now);
    // Every question listens to it, and there may be as many as the budget allows.
    setMaxListeners(0, this.#stopping.signal);
    this.#asker = new Asker(ports.budget.concurrency);
    this.#breaker = new Breaker(breakerLimits, this.#now, (state) => ports.telemetry.breaker(ports.capability, state));
  }

  get maxBodyBytes(): number {
    return this.#ports.budget.maxBodyBytes;
  }

  get hasRoom(): boolean {
    return this.#refusal(this.maxBodyBytes) === undefined;
  }

  offer(exchange: Exchange): void {
    const { route, shadow: side } = exchange.decision;
    if (route === undefined || side === undefined) return;
    try {
      this.#accept(exchange, route, side);
    } catch (error) {
      this.#fail(route, error);
    }
  }

  status(): ShadowStatus {
    return {
      capability: this.#ports.capability,
      running: this.#running.size,
      waiting: this.#waiting.length,
      heldBytes: this.#heldBytes,
      breaker: this.#breaker.state,
    };
  }

  async finish(): Promise<void> {
    while (this.#running.size > 0) await Promise.race(this.#running);
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { route, bytes } of this.#waiting.splice(0)) {
      this.#heldBytes -= bytes;
      this.#ports.evidence.dropped(route, 'stopping');
    }
    await Promise.all(this.#running);
    this.#asker.stop();
  }

  #accept(exchange: Exchange, route: string, side: Target): void {
    const { method } = exchange.facts;
    const bodyBytes = exchange.control.kind === 'answer' ? exchange.control.body.length : 0;
    const refusal = method === 'GET' || method === 'HEAD' ? this.#refusal(bodyBytes) : 'not-a-read';
    if (refusal) {
      this.#ports.evidence.dropped(route, refusal);
      return;
    }
    const bytes = this.#cost(bodyBytes);
    this.#heldBytes += bytes;
    this.#waiting.push({ exchange, route, side, since: this.#now(), bytes });
    this.#pump();
  }

  /** Why an exchange with a body of control this long would be dropped now. */
  #refusal(bodyBytes: number): DropReason | undefined {
    if (this.#stopping.signal.aborted) return 'stopping';
    if (!this.#breaker.wouldAllow) return 'breaker-open';
    return this.#heldBytes + this.#cost(bodyBytes) > this.#ports.budget.maxMemoryBytes ? 'memory' : undefined;
  }

  /** Control's body is held, and the candidate's may become as long as is allowed. */
  #cost(bodyBytes: number): number {
    return bodyBytes + this.maxBodyBytes + overheadBytes;
  }

  #pump(): void {
    while (this.#running.size < this.#ports.budget.concurrency) {
      const next = this.#waiting.shift();
      if (!next) return;
      const run: Promise<void> = this.#run(next)
        .catch((error) => this.#fail(next.route, error))
        .finally(() => {
          this.#heldBytes -= next.bytes;
          this.#running.delete(run);
          this.#pump();
        });
      this.#running.add(run);
    }
  }

  async #run({ exchange, route, side, since }: Waiting): Promise<void> {
    const { evidence, rulesOf, budget } = this.#ports;
    const rules = rulesOf(exchange);
    if (this.#now() - since > budget.deadlineMs) return evidence.dropped(route, 'waited-too-long');
    if (!this.#breaker.allow()) return evidence.dropped(route, 'breaker-open');
    const judgement = await judge(exchange, side, rules, this.#judging()).finally(() => {
      // The one that was let through to find out said nothing of the side (lag, for instance): the next one has to.
      if (this.#breaker.state === 'half-open') this.#breaker.failed();
    });
    if (this.#stopping.signal.aborted) return evidence.dropped(route, 'stopping');
    const { facts, control } = exchange;
    const controlMs = control.kind === 'answer' ? control.durationMs : undefined;
    evidence.record({ route, method: facts.method, target: facts.target, controlMs, rules, ...judgement });
  }

  #judging(): Judging {
    const { budget, upstream, atLeast } = this.#ports;
    const limits = { ...budget, signal: this.#stopping.signal };
    return {
      ask: (method, where) => this.#asker.ask(method, where, limits),
      upstream,
      confirmed: this.#confirmed,
      atLeast: atLeast && (() => withinDeadline(atLeast, budget.deadlineMs)),
      onCandidate: (answered) => (answered ? this.#breaker.succeeded() : this.#breaker.failed()),
    };
  }

  /** Nothing in the shadow may reach a client: what fails is told to the operator and counted. */
  #fail(route: string, error: unknown): void {
    this.#ports.telemetry.defect(this.#ports.capability, error);
    this.#ports.evidence.dropped(route, 'defect');
  }
}

function withinDeadline(ask: () => Promise<string | undefined>, deadlineMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), deadlineMs);
    const settle = (address: string | undefined) => {
      clearTimeout(timer);
      resolve(address);
    };
    ask().then(settle, () => settle(undefined));
  });
}
