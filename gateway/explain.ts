import type { GatewayConfig } from './config.ts';
import type { RequestHead } from './forwarding/request-head.ts';
import type { Identity } from './identity/identity.ts';
import { type IdentityView, viewOf } from './identity/identity-view.ts';
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
  /** `[name, value, name, value, …]`, read as those of a request are. */
  readonly rawHeaders: readonly string[];
  readonly clientAddress?: string | undefined;
  readonly body?: string | undefined;
  /** Taken as recognised, whatever the request itself says. */
  readonly user?: string | undefined;
  /** The moment to decide for; undefined: now. */
  readonly time?: Date | undefined;
}

/** Where a request would go, why, and who makes it. */
export interface ExplainedRequest extends Explanation {
  readonly identity: IdentityView;
}

/** What explaining stands on. */
export interface ExplainPorts {
  readonly config: GatewayConfig;
  readonly identity: Identity;
  readonly routing: Routing;
}

/**
 * Where a request would go and why, and who makes it; nothing is sent, but for what it takes to recognise the user. The shadow is shown where any
 * sample of such requests would reach it. Rejects with a GatewayError for a request that would be refused.
 */
export async function explainRequest(
  described: DescribedRequest,
  { config, identity, routing }: ExplainPorts,
): Promise<ExplainedRequest> {
  const { user, time, body } = described;
  const facts = await identity.receive(headOf(described), { user, time });
  const given = describedBody(body, facts, config.routing.bodyLimitBytes);
  const decision = orRefuse(decide(facts, routing, () => 0, given));
  const target = routing.bypass ? undefined : parseTarget(facts.target);
  const input = target && !('ambiguous' in target) ? { facts, target, body: given } : undefined;
  const explanation = explanationOf(decision, input, input ? routing.table.contenders(input) : []);
  return { ...explanation, identity: viewOf(facts) };
}

function headOf({ method, target, rawHeaders, clientAddress = '127.0.0.1' }: DescribedRequest): RequestHead {
  return {
    method,
    url: target,
    rawHeaders,
    httpVersion: '1.1',
    framing: { kind: 'none' },
    remoteAddress: clientAddress,
    secure: false,
    certificateVerified: false,
  };
}

function describedBody(body: string | undefined, facts: RequestFacts, limitBytes: number): RequestBody {
  if (body === undefined) return { kind: 'absent' };
  const bytes = Buffer.from(body);
  if (bytes.length > limitBytes) return unreadable('oversize');
  const headers = { contentType: facts.header('content-type'), contentEncoding: facts.header('content-encoding') };
  return readRequestBody(bytes, headers);
}
