import { formatTraceparent, parseTraceparent, type SpanName } from '../../contract/traceparent.ts';
import type { RandomHex } from './random-hex.ts';

/** A request's place in its trace: the span that the gateway makes of it, and the span that caused it. */
export interface Trace extends SpanName {
  /** The caller's span; undefined when the trace begins here, then a tracestate that came along is not to be passed on. */
  readonly parentId: string | undefined;
  /** What services are told: `00-TRACE-SPAN-01`. */
  readonly traceparent: string;
}

/** Continues the trace of a request, or begins one: from its `traceparent` field and whether its peer is trusted. */
export type Traces = (traceparent: string | undefined, peerTrusted: boolean) => Trace;

/** Which requests are sampled. */
export interface Sampling {
  /** Of those that nobody has decided about, 0 to 100. */
  readonly percent: number;
  /** Whose decision counts where a traceparent came with one. An untrusted client could have every request recorded, at our cost. */
  readonly follow: 'trusted' | 'all';
}

/** Nothing is sampled here; what trusted peers have decided is passed on. */
export const noSampling: Sampling = { percent: 0, follow: 'trusted' };

/** `chance` gives numbers from 0 (inclusive) to 1 (exclusive). */
export function createTraces(
  { percent, follow }: Sampling,
  randomHex: RandomHex,
  chance: () => number = Math.random,
): Traces {
  return (traceparent, peerTrusted) => {
    const parent = parseTraceparent(traceparent);
    const decided = parent !== undefined && (peerTrusted || follow === 'all');
    const sampled = decided ? parent.sampled : chance() * 100 < percent;
    const traceId = parent === undefined ? notZero(32, randomHex) : parent.traceId;
    const spanId = notZero(16, randomHex);
    return {
      traceId,
      spanId,
      sampled,
      parentId: parent?.spanId,
      traceparent: formatTraceparent({ traceId, spanId, sampled }),
    };
  };
}

const zeros = '0'.repeat(32);

/** W3C takes an id of zeros for none. */
function notZero(digits: 16 | 32, randomHex: RandomHex): string {
  for (;;) {
    const id = randomHex(digits);
    if (id !== zeros.slice(0, digits)) return id;
  }
}
