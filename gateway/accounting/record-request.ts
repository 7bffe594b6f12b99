import { type GatewayError, gatewayErrors } from '../errors.ts';
import type { ForwardOutcome } from '../forwarding/forwarder.ts';
import type { RequestHead } from '../forwarding/request-head.ts';
import type { Reception } from '../identity/reception.ts';
import { plainAddress } from '../routing/cidr.ts';
import type { Decision } from '../routing/decision.ts';
import type { Reason } from '../routing/reasons.ts';
import type { Route } from '../routing/route.ts';
import type { RequestRecord, ServedOutcome } from './request-record.ts';
import type { Trace } from './trace.ts';

/** A request that a side was asked for, at its end. */
export interface ServedEnd {
  /** What `performance.now()` said when its head had arrived. */
  readonly startedAt: number;
  readonly reception: Reception;
  readonly decision: Decision;
  readonly route: Route | undefined;
  readonly outcome: Extract<ForwardOutcome, { readonly kind: ServedOutcome }>;
}

/** A request that the gateway answered itself, as far as it could be read. */
export interface RefusedEnd {
  readonly error: GatewayError;
  readonly startedAt: number;
  /** What the client was told. */
  readonly requestId: string;
  readonly trace: Trace;
  readonly head: Partial<Pick<RequestHead, 'method' | 'url' | 'remoteAddress'>>;
}

/** What a request that a side was asked for came to. `now` is the clock of `startedAt`, `epochMs` the time of day. */
export function recordServed(end: ServedEnd, now: number, epochMs: number): RequestRecord {
  const { reception, decision, outcome } = end;
  const { facts } = reception;
  const durationMs = now - end.startedAt;
  const waitedMs = Math.max(0, durationMs - outcome.durationMs);
  return {
    startedAtMs: Math.floor(epochMs - durationMs),
    durationMs,
    firstByteMs: outcome.firstByteMs === undefined ? undefined : waitedMs + outcome.firstByteMs,
    waitedMs,
    requestId: reception.requestId,
    trace: reception.trace,
    clientAddress: facts.clientAddress,
    scheme: reception.publicScheme,
    host: facts.host,
    method: facts.method,
    target: facts.target,
    route: decision.route,
    template: end.route?.match.path.text,
    capability: decision.capability,
    stage: decision.stage?.kind,
    side: decision.primary,
    shadow: decision.shadow,
    reasons: decision.reasons,
    assignmentKey: reception.assignmentKeyAsked,
    user: reception.userAsked,
    status: statusSent(outcome),
    outcome: outcome.kind,
    code: outcome.kind === 'failed' ? outcome.error.code : undefined,
    retries: Math.max(0, outcome.attempts - 1),
    bytesIn: outcome.requestBytes,
    bytesOut: outcome.answerBytes,
    fallback: fallbackOf(decision.reasons),
  };
}

/** What a request that the gateway refused came to; the clocks as above. */
export function recordRefused(end: RefusedEnd, now: number, epochMs: number): RequestRecord {
  const { error, head } = end;
  const durationMs = now - end.startedAt;
  return {
    startedAtMs: Math.floor(epochMs - durationMs),
    durationMs,
    firstByteMs: undefined,
    waitedMs: undefined,
    requestId: end.requestId,
    trace: end.trace,
    clientAddress: head.remoteAddress === undefined ? undefined : plainAddress(head.remoteAddress),
    scheme: undefined,
    host: undefined,
    method: head.method,
    target: head.url,
    route: undefined,
    template: undefined,
    capability: undefined,
    stage: undefined,
    side: undefined,
    shadow: undefined,
    reasons: [],
    assignmentKey: undefined,
    user: undefined,
    status: gatewayErrors[error.code].status,
    outcome: 'refused',
    code: error.code,
    retries: 0,
    bytesIn: undefined,
    bytesOut: undefined,
    fallback: undefined,
  };
}

function statusSent(outcome: ServedEnd['outcome']): number | undefined {
  switch (outcome.kind) {
    case 'failed':
      return gatewayErrors[outcome.error.code].status;
    case 'abandoned':
      return undefined;
    default:
      return outcome.status;
  }
}

/** Falling back is the last thing that is decided. */
function fallbackOf(reasons: readonly Reason[]): string | undefined {
  const last = reasons.at(-1);
  return last?.step === 'fallback' ? last.because : undefined;
}
