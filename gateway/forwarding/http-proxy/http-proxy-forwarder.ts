import type { UpstreamConfig } from '../config.ts';
import { type Counted, counted } from '../effort.ts';
import type { Ending, Forwarder, ForwardOutcome, ForwardPlan } from '../forwarder.ts';
import { type Framing, hasBody, requestFraming } from '../framing.ts';
import type { HttpExchange, NodeExchange } from '../http-exchange.ts';
import { passOn } from '../pass-on.ts';
import { isReplayable, maxIdleMs } from '../upstreams/reuse-policy.ts';
import { canCarryOut } from './can-carry-out.ts';
import { HttpProxyCall } from './http-proxy-call.ts';
import { HttpProxyUpstream } from './http-proxy-upstream.ts';

/**
 * The forwarder on the package `http-proxy`, for those who must keep how it asks. Guards stand around its known holes: requests that it
 * would get wrong go to another forwarder, answers are written by ours. What remains is listed in docs/forwarding.md.
 */
export class HttpProxyForwarder implements Forwarder {
  readonly #otherwise: Forwarder;
  readonly #upstreams = new Map<UpstreamConfig, HttpProxyUpstream>();

  /** `otherwise` carries out what http-proxy cannot. */
  constructor(otherwise: Forwarder) {
    this.#otherwise = otherwise;
  }

  forward(exchange: HttpExchange, plan: ForwardPlan): Promise<ForwardOutcome> {
    const framing = requestFraming(exchange.request);
    if (!canCarryOut(exchange, plan, framing)) return this.#otherwise.forward(exchange, plan);
    return counted(plan, (effort) => this.#carryOut(exchange, plan, framing, effort));
  }

  upgrade(exchange: NodeExchange, head: Buffer, plan: ForwardPlan): Promise<ForwardOutcome> {
    return this.#otherwise.upgrade(exchange, head, plan);
  }

  /** Closes the connections to an upstream that no request will be forwarded to any more. */
  forget(upstream: UpstreamConfig): void {
    this.#upstreams.get(upstream)?.stop();
    this.#upstreams.delete(upstream);
  }

  stop(): void {
    for (const upstream of this.#upstreams.values()) upstream.stop();
  }

  async #carryOut(exchange: NodeExchange, plan: ForwardPlan, framing: Framing, effort: Counted): Promise<Ending> {
    const replayable = isReplayable({ method: exchange.request.method ?? '', hasBody: hasBody(framing) });
    const first = await this.#call(exchange, plan, framing, maxIdleMs(replayable), effort);
    const again = replayable && first.result.kind === 'failed' && first.result.stale;
    const { call, result } = again ? await this.#call(exchange, plan, framing, 0, effort) : first;
    return result.kind === 'answer' ? passOn(exchange, plan, call, result.answer, effort) : result;
  }

  async #call(exchange: NodeExchange, plan: ForwardPlan, framing: Framing, idleMs: number, effort: Counted) {
    effort.attempts += 1;
    const call = new HttpProxyCall(this.#upstreamOf(plan.upstream), exchange, plan, framing, idleMs);
    const result = await call.result;
    effort.requestBytes = call.requestBytes;
    return { call, result };
  }

  #upstreamOf(config: UpstreamConfig): HttpProxyUpstream {
    const known = this.#upstreams.get(config);
    if (known) return known;
    const made = new HttpProxyUpstream(config);
    this.#upstreams.set(config, made);
    return made;
  }
}
