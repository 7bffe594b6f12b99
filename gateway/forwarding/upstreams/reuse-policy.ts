/**
 * How long a kept connection may have been idle to carry a request that can be sent only once. No common server closes a connection that
 * it has kept for less (Node and Apache wait 5 s, nginx 75 s), so that the race between its closing and our sending does not arise.
 */
const onceOnlyMaxIdleMs = 1_000;

/** What decides whether a request may be sent twice, and over which connection. */
export interface Replay {
  readonly method: string;
  readonly hasBody: boolean;
}

/** Methods that may be sent twice (RFC 9110 section 9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Whether a request may be sent once more when a kept connection turned out to be closed: idempotent, and no byte of it was consumed. */
export function isReplayable({ method, hasBody }: Replay): boolean {
  return !hasBody && idempotent.has(method);
}

/** Methods with which hardly any application looks for a body. */
const bodylessByCustom = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'DELETE']);

/**
 * Whether a request may share its connection with others. One with a body that nobody expects may not: an application that does not read it takes
 * it for the next request, whose answer the next client would get (CL.0 smuggling; RFC 9110 section 9.3.1).
 */
export function sharesConnection({ method, hasBody }: Replay): boolean {
  return !hasBody || !bodylessByCustom.has(method);
}

/** For how long a connection may have been idle to be used for a request; a replayable one takes any, since it has a second chance. */
export function maxIdleMs(replayable: boolean): number {
  return replayable ? Number.POSITIVE_INFINITY : onceOnlyMaxIdleMs;
}
