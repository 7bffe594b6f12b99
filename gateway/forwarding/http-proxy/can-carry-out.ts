import type { ForwardPlan } from '../forwarder.ts';
import { type Framing, hasBody } from '../framing.ts';
import { type HttpExchange, isNodeExchange, type NodeExchange } from '../http-exchange.ts';

/** Methods whose bodies http-proxy sends without framing, or takes the framing away from: the next request would begin with them. */
const unframed = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/**
 * Whether http-proxy may carry a request out. It may not, because it would go wrong: HTTP/2, for which it has no form; bodies that are
 * rewritten; `Expect`, which it answers by itself; bodies with methods that it takes for bodyless (it sets a length of 0 and sends the body
 * after it); targets with `//` or a URL in the path, where it takes slashes away. Upgrades it never gets: it writes refusals into the
 * socket with the framing of the upstream's connection, and goes on after errors.
 */
export function canCarryOut(exchange: HttpExchange, plan: ForwardPlan, framing: Framing): exchange is NodeExchange {
  if (!isNodeExchange(exchange) || plan.rewritesBodies || exchange.request.headers.expect !== undefined) return false;
  if (hasBody(framing) && unframed.has(exchange.request.method ?? '')) return false;
  return !/\/\/|:\//.test(plan.target.split('?', 1)[0]!);
}
