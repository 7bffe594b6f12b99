import type { GatewayConfig } from './config.ts';
import type { ClientSide } from './forwarding/client-side.ts';
import { hasBody } from './forwarding/framing.ts';
import type { RequestFacts } from './routing/decision.ts';
import { type RequestBody, readRequestBody, unreadable } from './routing/request-body.ts';

/**
 * The body of a request as routes see it. Read only as far as `routing.bodyLimit`, and not at all when its length says that it is longer.
 * Rejects with a GatewayError `client-stalled` when it does not arrive in time.
 */
export async function receiveBody(
  client: ClientSide,
  facts: RequestFacts,
  { routing: { bodyLimitBytes }, legacy: { responseTimeoutMs } }: GatewayConfig,
): Promise<RequestBody | 'handed-over'> {
  const { framing } = client.head;
  if (!hasBody(framing)) return { kind: 'absent' };
  if (framing.kind === 'length' && Number(framing.length) > bodyLimitBytes) return unreadable('oversize');
  const read = await client.readBody(bodyLimitBytes, responseTimeoutMs);
  switch (read.kind) {
    case 'whole':
      return readRequestBody(read.bytes, bodyHeaders(facts));
    case 'oversize':
    case 'broken-off':
      return unreadable(read.kind);
    case 'handed-over':
      return read.kind;
    default:
      return read satisfies never;
  }
}

function bodyHeaders(facts: RequestFacts) {
  return { contentType: facts.header('content-type'), contentEncoding: facts.header('content-encoding') };
}
