/** W3C Trace Context level 1: `00-TRACE-PARENT-FLAGS`. https://www.w3.org/TR/trace-context/#traceparent-header */
const pattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The same of a version yet to come: what we know of it stands where it stood, and more may follow (section 4.3 of the recommendation). */
const laterPattern = /^(?!ff|00)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

/** A span as a traceparent names it. */
export interface SpanName {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all zero. */
  readonly spanId: string;
  /** Whether the caller may have recorded it. */
  readonly sampled: boolean;
}

export function isTraceparent(text: string | undefined): text is string {
  return text !== undefined && pattern.test(text);
}

/** The span that a traceparent of any version names; undefined when there is none or it is malformed. */
export function parseTraceparent(text: string | undefined): SpanName | undefined {
  if (text === undefined || !(pattern.test(text) || laterPattern.test(text))) return undefined;
  const lastFlag = Number.parseInt(text.charAt(54), 16);
  return { traceId: text.slice(3, 35), spanId: text.slice(36, 52), sampled: (lastFlag & 1) === 1 };
}

/** The traceparent, of version 00, that names a span. */
export function formatTraceparent({ traceId, spanId, sampled }: SpanName): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
