import { problemBody } from '../../runtime/problem.ts';
import { type GatewayError, problemOf } from '../errors.ts';

/** An answer of the gateway's own, as it is sent. */
export interface OwnAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/** What a client is told of an error: problem details (RFC 9457), or a page of the operator's. */
export function ownAnswer(error: GatewayError, requestId?: string, page?: string): OwnAnswer {
  const problem = problemOf(error, requestId);
  const { status } = problem;
  if (page !== undefined) return { status, contentType: 'text/html; charset=utf-8', body: Buffer.from(page) };
  return { status, contentType: 'application/problem+json', body: problemBody(problem) };
}
