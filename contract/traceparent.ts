import { randomBytes } from 'node:crypto';

/** W3C Trace Context level 1: `00-TRACE-PARENT-FLAGS`. https://www.w3.org/TR/trace-context/#traceparent-header */
const pattern = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

export function isTraceparent(text: string | undefined): text is string {
  return text !== undefined && pattern.test(text);
}

/** A child of `parent` in the same trace, or the start of a new trace when `parent` is missing or malformed. */
export function nextTraceparent(parent: string | undefined, random: (bytes: number) => Buffer = randomBytes): string {
  const match = parent === undefined ? null : pattern.exec(parent);
  const trace = match?.[1] ?? random(16).toString('hex');
  return `00-${trace}-${random(8).toString('hex')}-${match?.[3] ?? '00'}`;
}
