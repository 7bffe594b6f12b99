import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../errors.ts';

/** How the body of a message is delimited on the wire. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: string }
  | { readonly kind: 'chunked' };

/** What of a request says how its body is delimited. */
export interface FramedRequest {
  readonly httpVersion: string;
  readonly headers: IncomingHttpHeaders;
  /** Where its protocol says so otherwise than by fields. */
  readonly framing?: Framing;
}

/**
 * The framing of a request, from its header fields and never from its method: Node would write a GET's body unframed, and the next
 * request on that connection would begin with it (nodejs/node#27880). Node's parser has refused contradictions (both fields, two lengths,
 * chunked not last) before. Throws a GatewayError for a coding that Node would drop without decoding it, and for a coding in HTTP/1.0: what
 * stands before us may not know it and see two requests where Node sees one (RFC 9112 section 6.1).
 */
export function requestFraming(request: FramedRequest): Framing {
  if (request.framing) return request.framing;
  const coding = request.headers['transfer-encoding'];
  if (coding !== undefined) {
    if (request.httpVersion !== '1.1')
      throw new GatewayError(
        'bad-request',
        `found Transfer-Encoding in HTTP/${request.httpVersion}, expected HTTP/1.1`,
      );
    if (coding.trim().toLowerCase() === 'chunked') return { kind: 'chunked' };
    throw new GatewayError(
      'unsupported-transfer-coding',
      `found Transfer-Encoding ${JSON.stringify(coding)}, expected chunked`,
    );
  }
  const length = request.headers['content-length'];
  return length === undefined ? { kind: 'none' } : { kind: 'length', length: withoutLeadingZeros(length) };
}

/** `010` → `10`: ten bytes by the grammar, eight to those who take it for octal. */
export function withoutLeadingZeros(length: string): string {
  return length.replace(/^0+(?=\d)/, '');
}

/** Whether a message framed so carries bytes. */
export function hasBody(framing: Framing): boolean {
  return framing.kind === 'chunked' || (framing.kind === 'length' && Number(framing.length) > 0);
}

/** The field that says a framing, always written explicitly. */
export function framingFields(framing: Framing): string[] {
  switch (framing.kind) {
    case 'none':
      return [];
    case 'length':
      return ['Content-Length', framing.length];
    case 'chunked':
      return ['Transfer-Encoding', 'chunked'];
    default:
      return framing satisfies never;
  }
}
