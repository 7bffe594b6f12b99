import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { GatewayError } from '../errors.ts';
import type { Effort, Ending, Forwarder, ForwardOutcome, ForwardPlan } from './forwarder.ts';
import { hasBody, requestFraming } from './framing.ts';
import type { HttpExchange, NodeExchange } from './http-exchange.ts';
import { passBody, writeAnswerHead } from './pass-on.ts';
import { joinSockets, switchingHead } from './tunnel.ts';
import { UpstreamAgents } from './upstream-agents.ts';
import { type CallOptions, type CallResult, UpstreamCall } from './upstream-call.ts';
import { upstreamError } from './upstream-error.ts';

/** Methods that may be sent twice (RFC 9110 section 9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

type Switched = Extract<CallResult, { kind: 'switched' }>;
/** What was counted until now, by those who did it. */
type Counted = { -readonly [Key in keyof Effort]: Effort[Key] } & { readonly startedAt: number };

/**
 * The complete forwarder, on `node:http` both ways: (1) framing from what was received; (2) the call, once more on a fresh connection when
 * a kept one was stale; (3) the answer's head, unless it is declined; (4) its body. Slower than one on raw sockets, but takes everything.
 */
export class GeneralForwarder implements Forwarder {
  readonly #agents = new UpstreamAgents();

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

  stop(): void {
    this.#agents.stop();
  }

  async #open(
    exchange: HttpExchange,
    plan: ForwardPlan,
    upgrade: string | undefined,
    effort: Counted,
  ): Promise<{ call: UpstreamCall; result: CallResult }> {
    const framing = requestFraming(exchange.request);
    const reuse = upgrade === undefined && !hasBody(framing) && idempotent.has(exchange.request.method ?? '');
    const first = await this.#call(exchange, plan, { framing, reuse, upgrade }, effort);
    if (first.result.kind !== 'failed' || !first.result.stale) return first;
    return this.#call(exchange, plan, { framing, reuse: false, upgrade }, effort);
  }

  async #call(exchange: HttpExchange, plan: ForwardPlan, options: CallOptions, effort: Counted) {
    effort.attempts += 1;
    const call = new UpstreamCall(this.#agents, exchange, plan, options);
    exchange.response.once('close', () => {
      effort.requestBytes = call.requestBytes;
    });
    const result = await call.result;
    effort.requestBytes = call.requestBytes;
    return { call, result };
  }
}

async function counted(plan: ForwardPlan, work: (effort: Counted) => Promise<Ending>): Promise<ForwardOutcome> {
  const startedAt = performance.now();
  const effort: Counted = {
    startedAt,
    durationMs: 0,
    firstByteMs: undefined,
    requestBytes: 0,
    answerBytes: 0,
    attempts: 0,
  };
  const ending = await work(effort).catch(
    (error): Ending => ({ kind: 'failed', error: upstreamError(error, plan.upstream.origin) }),
  );
  const { startedAt: _, ...rest } = effort;
  return { ...ending, ...rest, durationMs: performance.now() - startedAt };
}

async function passOn(
  exchange: HttpExchange,
  plan: ForwardPlan,
  call: UpstreamCall,
  answer: IncomingMessage,
  effort: Counted,
): Promise<Ending> {
  effort.firstByteMs = performance.now() - effort.startedAt;
  const status = answer.statusCode!;
  const verdict = plan.onAnswer(status, answer.rawHeaders);
  if (verdict.kind === 'decline') {
    throwAway(answer, call);
    return { kind: 'declined', reason: verdict.reason };
  }
  try {
    writeAnswerHead(exchange, answer, call, verdict);
  } catch (error) {
    throwAway(answer, call);
    throw error;
  }
  const transforms = exchange.request.method === 'HEAD' ? [] : (verdict.transforms?.() ?? []);
  const passed = await passBody(exchange, answer, call, plan.copyBytes, transforms);
  effort.answerBytes = passed.bytes;
  if (passed.kind === 'whole') return { kind: 'answered', status, rawHeaders: answer.rawHeaders, copy: passed.copy };
  return passed.kind === 'broken' ? { kind: 'truncated', status } : { kind: 'abandoned' };
}

function throwAway(answer: IncomingMessage, call: UpstreamCall): void {
  answer.on('error', () => {});
  call.destroy();
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
  await joinSockets(client, upstream);
  return { kind: 'tunnelled', status: 101 };
}
