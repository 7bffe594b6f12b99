import type { UpstreamConfig } from './config.ts';
import type { Forwarder, ForwardOutcome, ForwardPlan } from './forwarder.ts';
import { GeneralForwarder } from './general-forwarder.ts';
import type { HttpExchange, NodeExchange } from './http-exchange.ts';
import { HttpProxyForwarder } from './http-proxy/http-proxy-forwarder.ts';

/**
 * The forwarders for requests that a `node:http` server read, each plan by the one that its upstream names. What wire was to carry and
 * cannot, the general one does.
 */
export class Forwarders implements Forwarder {
  readonly #general = new GeneralForwarder();
  readonly #httpProxy = new HttpProxyForwarder(this.#general);

  forward(exchange: HttpExchange, plan: ForwardPlan): Promise<ForwardOutcome> {
    return this.#of(plan).forward(exchange, plan);
  }

  upgrade(exchange: NodeExchange, head: Buffer, plan: ForwardPlan): Promise<ForwardOutcome> {
    return this.#of(plan).upgrade(exchange, head, plan);
  }

  /** Closes the connections to an upstream that no request will be forwarded to any more. */
  forget(upstream: UpstreamConfig): void {
    this.#general.forget(upstream);
    this.#httpProxy.forget(upstream);
  }

  stop(): void {
    this.#general.stop();
    this.#httpProxy.stop();
  }

  #of({ upstream }: ForwardPlan): Forwarder {
    return upstream.forwarder === 'http-proxy' ? this.#httpProxy : this.#general;
  }
}
