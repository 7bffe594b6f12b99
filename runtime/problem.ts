import type { ServerResponse } from 'node:http';

/** An error answer as RFC 9457 problem details; `code` is the stable name listed in docs/errors.md. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  /** What was found, what was expected, where. */
  readonly detail?: string;
  readonly [extension: string]: unknown;
}

/** A problem as the bytes of its body. */
export function problemBody(problem: Problem): Buffer {
  return Buffer.from(`${JSON.stringify({ type: `urn:strangler:problem:${problem.code}`, ...problem })}\n`);
}

/** Writes `application/problem+json`. After headers are out only the socket can be ended, so then it is destroyed: truncation stays visible. */
export function sendProblem(response: ServerResponse, problem: Problem): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = problemBody(problem);
  response.writeHead(problem.status, {
    'content-type': 'application/problem+json',
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  response.end(body);
}
