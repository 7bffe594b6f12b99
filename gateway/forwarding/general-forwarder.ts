import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { GatewayError } from '../errors.ts';
import type { ClientSide, Forwarder, ForwardOutcome, ForwardPlan } from './forwarder.ts';
import { hasBody, requestFraming } from './framing.ts';
import { passBody, writeAnswerHead } from './pass-on.ts';
import { joinSockets, switchingHead } from './tunnel.ts';
import { UpstreamAgents } from './upstream-agents.ts';
import { type CallResult, UpstreamCall } from './upstream-call.ts';
import { upstreamError } from './upstream-error.ts';

/** Methods that may be sent twice (RFC 9110 section 9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

type Switched = Extract<CallResult, { kind: 'switched' }>;
/** `ForwardOutcome` before the clock is read. */
type Ending = ForwardOutcome extends infer Outcome
  ? Outcome extends unknown
    ? Omit<Outcome, 'durationMs'>
    : never
  : never;

/**
 * The complete forwarder, on `node:http` both ways: (1) framing from what was received; (2) the call, once more on a fresh connection when
 * a kept one was stale; (3) the answer's head, unless it is declined; (4) its body. Slower than one on raw sockets, but takes everything.
 */
export class GeneralForwarder implements Forwarder {
  readonly #agents = new UpstreamAgents();

  forward(client: ClientSide, plan: ForwardPlan): Promise<ForwardOutcome> {
    return timed(plan, async () => {
      const { call, result } = await this.#open(client, plan, undefined);
      return result.kind === 'answer' ? passOn(client, plan, call, result.answer) : withoutAnswer(result);
    });
  }

  upgrade(client: ClientSide, head: Buffer, plan: ForwardPlan): Promise<ForwardOutcome> {
    return timed(plan, async () => {
      const { call, result } = await this.#open(client, plan, client.request.headers.upgrade);
      if (result.kind === 'answer') return passOn(client, plan, call, result.answer);
      return result.kind === 'switched' ? switchOver(client, head, plan, result) : withoutAnswer(result);
    });
  }

  stop(): void {
    this.#agents.stop();
  }

  async #open(
    client: ClientSide,
    plan: ForwardPlan,
    upgrade: string | undefined,
  ): Promise<{ call: UpstreamCall; result: CallResult }> {
    const framing = requestFraming(client.request);
    const reuse = upgrade === undefined && !hasBody(framing) && idempotent.has(client.request.method ?? '');
    const call = new UpstreamCall(this.#agents, client, plan, { framing, reuse, upgrade });
    const result = await call.result;
    if (result.kind !== 'failed' || !result.stale) return { call, result };
    const again = new UpstreamCall(this.#agents, client, plan, { framing, reuse: false, upgrade });
    return { call: again, result: await again.result };
  }
}

async function timed(plan: ForwardPlan, work: () => Promise<Ending>): Promise<ForwardOutcome> {
  const startedAt = performance.now();
  const ending = await work().catch(
    (error): Ending => ({ kind: 'failed', error: upstreamError(error, plan.upstream.origin) }),
  );
  return { ...ending, durationMs: performance.now() - startedAt } as ForwardOutcome;
}

async function passOn(
  client: ClientSide,
  plan: ForwardPlan,
  call: UpstreamCall,
  answer: IncomingMessage,
): Promise<Ending> {
  const status = answer.statusCode!;
  const verdict = plan.onAnswer(status, answer.rawHeaders);
  if (verdict.kind === 'decline') {
    throwAway(answer, call);
    return { kind: 'declined', reason: verdict.reason };
  }
  try {
    writeAnswerHead(client, answer, call, verdict.fields);
  } catch (error) {
    throwAway(answer, call);
    throw error;
  }
  const passed = await passBody(client, answer, call, plan.copyBytes);
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
  { response }: ClientSide,
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
