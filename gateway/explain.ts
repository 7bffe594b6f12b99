import type { IdentityView } from './identity/identity-view.ts';
import { orRefuse } from './refuse-path.ts';
import { decide, type Routing } from './routing/decide.ts';
import type { RequestFacts } from './routing/decision.ts';
import { type Explanation, explanationOf } from './routing/explanation.ts';
import { type RequestBody, readRequestBody, unreadable } from './routing/request-body.ts';
import { parseTarget } from './routing/request-target.ts';

/** A request that somebody asks about. */
export interface DescribedRequest {
  readonly method: string;
  /** `/shipments/7?x=1` */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clientAddress?: string;
  readonly body?: string;
  /** Taken as recognised, whatever the request itself says. */
  readonly user?: string;
  /** The moment to decide for; undefined: now. */
  readonly time?: Date;
}

/** Where a request would go, why, and who makes it. */
export interface ExplainedRequest extends Explanation {
  readonly identity: IdentityView;
}

/**
 * Where a request would go and why; nothing is sent. The shadow is shown where any sample of such requests would reach it. Throws a
 * GatewayError for a path that is refused.
 */
export function explain(
  facts: RequestFacts,
  body: string | undefined,
  routing: Routing,
  bodyLimitBytes: number,
): Explanation {
  const given = describedBody(body, facts, bodyLimitBytes);
  const decision = orRefuse(decide(facts, routing, () => 0, given));
  const target = routing.bypass ? undefined : parseTarget(facts.target);
  const input = target && !('ambiguous' in target) ? { facts, target, body: given } : undefined;
  return explanationOf(decision, input, input ? routing.table.candidates(input) : []);
}

function describedBody(body: string | undefined, facts: RequestFacts, limitBytes: number): RequestBody {
  if (body === undefined) return { kind: 'absent' };
  const bytes = Buffer.from(body);
  if (bytes.length > limitBytes) return unreadable('oversize');
  const headers = { contentType: facts.header('content-type'), contentEncoding: facts.header('content-encoding') };
  return readRequestBody(bytes, headers);
}
