import type { GatewayErrorCode } from '../errors.ts';
import type { Reason } from '../routing/reasons.ts';
import type { Target } from '../routing/stage.ts';
import type { Trace } from './trace.ts';

/** How a request that was sent to a side can end. */
export const servedOutcomes = ['answered', 'failed', 'truncated', 'abandoned', 'tunnelled'] as const;
export type ServedOutcome = (typeof servedOutcomes)[number];

/** How a request can end. `refused`: the gateway itself answered, or cut the connection. */
export type RequestOutcome = ServedOutcome | 'refused';

/** Everything that one request came to, told once, when it has ended. Undefined is unknown, or does not apply. */
export interface RequestRecord {
  /** When its head had arrived: whole ms since 1970. */
  readonly startedAtMs: number;
  /** From then until the answer's last byte. */
  readonly durationMs: number;
  /** From then until the answer's first byte. */
  readonly firstByteMs: number | undefined;
  /** From then until the side that answered was asked: waits for the other side, and its failure. */
  readonly waitedMs: number | undefined;
  readonly requestId: string;
  readonly trace: Trace;
  readonly clientAddress: string | undefined;
  readonly scheme: 'http' | 'https' | undefined;
  readonly host: string | undefined;
  /** Undefined when the head could not be read. */
  readonly method: string | undefined;
  /** As received, with its query. */
  readonly target: string | undefined;
  /** The route's name; undefined when none matched. */
  readonly route: string | undefined;
  /** The route's path as configured: `/shipments/{id}`. */
  readonly template: string | undefined;
  readonly capability: string | undefined;
  readonly stage: string | undefined;
  /** The side that answered, or was to; undefined when the request was refused. */
  readonly side: Target | undefined;
  /** The side that got a copy. */
  readonly shadow: Target | undefined;
  readonly reasons: readonly Reason[];
  /** The assignment key, where it was looked at; only its hash is written. */
  readonly assignmentKey: string | undefined;
  /** The user, where it mattered who asks; only a hash is written. */
  readonly user: string | undefined;
  /** What the client was sent; undefined when it left before. */
  readonly status: number | undefined;
  readonly outcome: RequestOutcome;
  /** Why it failed or was refused. */
  readonly code: GatewayErrorCode | undefined;
  /** How often it was sent again on a fresh connection. */
  readonly retries: number;
  /** Bytes of the bodies, without framing. */
  readonly bytesIn: number | undefined;
  readonly bytesOut: number | undefined;
  /** Why legacy answered in place of the new side. */
  readonly fallback: string | undefined;
}
