import type { Socket } from 'node:net';
import { GatewayError } from '../errors.ts';
import type { UpstreamConfig } from './config.ts';
import { type Counted, counted } from './effort.ts';
import type { Ending, Forwarder, ForwardOutcome, ForwardPlan } from './forwarder.ts';
import { hasBody, requestFraming } from './framing.ts';
import type { HttpExchange, NodeExchange } from './http-exchange.ts';
import { passOn } from './pass-on.ts';
import { joinSockets, switchingHead } from './tunnel.ts';
import { type CallOptions, type CallResult, UpstreamCall } from './upstream-call.ts';
import { Connections } from './upstreams/connections.ts';
import { isReplayable, maxIdleMs, sharesConnection } from './upstreams/reuse-policy.ts';

type Switched = Extract<CallResult, { kind: 'switched' }>;
/**
 * The complete forwarder, on `node:http` both ways: (1) framing from what was received; (2) the call, once more on a fresh connection when
 * a kept one was stale; (3) the answer's head, unless it is declined; (4) its body. Slower than one on raw sockets, but takes everything.
 */
export class GeneralForwarder implements Forwarder {
  readonly #connections = new Map<UpstreamConfig, Connections>();

  forward(exchange: HttpExchange, plan: ForwardPlan): Promise<ForwardOutcome> {
    return counted(plan, async (effort) => {
      const { call, result } = await this.#open(exchange, plan, undefined, effort);
      return result.kind === 'answer' ? passOn(exchange, plan, call, result.answer, effort) : withoutAnswer(result);
    });
  }

  upgrade(exchange: NodeExchange, head: Buffer, plan: ForwardPlan): Promise<ForwardOutcome> {
    return counted(plan, async (effort) => {
      const { call, result } = await this.#open(exchange, plan, exchange.request.headers.upgrade, effort);
      if (result.kind === 'answer') return passOn(exchange, plan, call, result.answer, effort);
      return result.kind === 'switched' ? switchOver(exchange, head, plan, result) : withoutAnswer(result);
    });
  }

  /** Closes the connections to an upstream that no request will be forwarded to any more. */
  forget(upstream: UpstreamConfig): void {
    this.#connections.get(upstream)?.stop();
    this.#connections.delete(upstream);
  }

  stop(): void {
    for (const connections of this.#connections.values()) connections.stop();
  }

  async #open(
    exchange: HttpExchange,
    plan: ForwardPlan,
    upgrade: string | undefined,
    effort: Counted,
  ): Promise<{ call: UpstreamCall; result: CallResult }> {
    const framing = requestFraming(exchange.request);
    const replay = { method: exchange.request.method ?? '', hasBody: hasBody(framing) };
    const replayable = isReplayable(replay);
    const idleMs = upgrade === undefined && sharesConnection(replay) ? maxIdleMs(replayable) : undefined;
    const first = await this.#call(exchange, plan, { framing, maxIdleMs: idleMs, upgrade }, effort);
    if (!replayable || first.result.kind !== 'failed' || !first.result.stale) return first;
    return this.#call(exchange, plan, { framing, maxIdleMs: undefined, upgrade }, effort);
  }

  async #call(exchange: HttpExchange, plan: ForwardPlan, options: CallOptions, effort: Counted) {
    effort.attempts += 1;
    const call = new UpstreamCall(this.#connectionsTo(plan.upstream), exchange, plan, options, effort);
    return { call, result: await call.result };
  }

  #connectionsTo(upstream: UpstreamConfig): Connections {
    const known = this.#connections.get(upstream);
    if (known) return known;
    const made = new Connections(upstream);
    this.#connections.set(upstream, made);
    return made;
  }
}

function withoutAnswer(result: Exclude<CallResult, { kind: 'answer' }>): Ending {
  switch (result.kind) {
    case 'failed':
      return { kind: 'failed', error: result.error };
    case 'abandoned':
      return { kind: 'abandoned' };
    case 'switched':
      result.socket.destroy();
      throw new GatewayError('upstream-bad-answer', 'found status 101, expected an answer: no upgrade was asked for');
    default:
      return result satisfies never;
  }
}

async function switchOver(
  { response }: NodeExchange,
  head: Buffer,
  plan: ForwardPlan,
  { answer, socket, head: first }: Switched,
): Promise<Ending> {
  const client = response.socket as Socket;
  const upstream = socket as Socket;
  const verdict = plan.onAnswer(101, answer.rawHeaders);
  if (verdict.kind === 'decline') {
    upstream.destroy();
    return { kind: 'declined', reason: verdict.reason };
  }
  response.detachSocket(client);
  client.write(switchingHead(answer, verdict.fields), 'latin1');
  client.write(first);
  upstream.write(head);
  await joinSockets(client, upstream, plan.upstream.tunnelTimeoutMs);
  return { kind: 'tunnelled', status: 101 };
}
