import type { Problem } from '../runtime/problem.ts';

/** Every error that the gateway itself answers with: its status, what it means to the client, what the operator should do. */
export const gatewayErrors = {
  'bad-request': {
    status: 400,
    title: 'The request is not well-formed HTTP.',
    remedy: 'Nothing here: the client or something in front of the gateway sends malformed requests.',
  },
  'bad-host': {
    status: 400,
    title: 'The request does not say clearly which host it is for.',
    remedy: 'Nothing here: the client sends no Host header, several, or a malformed one.',
  },
  'bad-target': {
    status: 400,
    title: 'The request target is not a path.',
    remedy: 'Nothing here: the client uses the gateway as a general proxy.',
  },
  'ambiguous-path': {
    status: 400,
    title: 'Two systems could read the path of the request differently.',
    remedy: 'Nothing here: routing.ambiguousPaths says that such paths are refused.',
  },
  'client-stalled': {
    status: 408,
    title: 'The request body did not arrive in time.',
    remedy: 'Look at the client or its connection; the limit is timeouts.request of the target without a byte.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The request head is larger than 64 KiB.',
    remedy: 'Usually a cookie that grows without end: look at which application sets it.',
  },
  'no-tunnel': {
    status: 405,
    title: 'The gateway opens no tunnels (CONNECT).',
    remedy: 'Nothing here: the client uses the gateway as a general proxy.',
  },
  'upgrade-with-body': {
    status: 400,
    title: 'A request that asks for an upgrade has a body, which no two systems read alike.',
    remedy: 'Nothing here: the client sends Upgrade together with a body.',
  },
  'unsupported-transfer-coding': {
    status: 501,
    title: 'The request body is sent in a transfer coding other than chunked.',
    remedy: 'Nothing here: the client must use chunked alone.',
  },
  'upstream-unreachable': {
    status: 503,
    title: 'The application behind the gateway cannot be reached.',
    remedy: 'Start the application, or correct legacy.url or the service of the capability.',
  },
  'upstream-connect-timeout': {
    status: 504,
    title: 'The application behind the gateway did not accept a connection in time.',
    remedy: 'Look whether its host is up and its listen queue full; the limit is timeouts.connect of the target.',
  },
  'upstream-response-timeout': {
    status: 504,
    title: 'The application behind the gateway did not answer in time.',
    remedy: 'Look at what it was doing; the limits are timeouts.response and timeouts.request of the target.',
  },
  'upstream-broke-off': {
    status: 502,
    title: 'The application behind the gateway closed the connection without an answer.',
    remedy: 'Look at its error log: usually a crash while it served this request.',
  },
  'upstream-bad-answer': {
    status: 502,
    title: 'What the application behind the gateway sent is not well-formed HTTP.',
    remedy: 'Ask it directly and compare: usually a wrong port or a broken header.',
  },
  'answer-expands': {
    status: 502,
    title: 'A compressed answer became larger than it may.',
    remedy: 'Look at what the application sent; the limits are maxExpansion and maxDecoded of rewriteBodies.',
  },
  'upstream-untrusted': {
    status: 502,
    title: 'The certificate of the application behind the gateway is not believed.',
    remedy: 'Give tls.ca the certificate that signed it, or tls.servername the name that stands in it.',
  },
  'target-suspended': {
    status: 503,
    title: 'The application behind the gateway has not answered lately and is not asked for a while.',
    remedy: 'Look why it does not answer; it is asked again when breaker.openFor is over, or its health check passes.',
  },
  'target-busy': {
    status: 503,
    title: 'The application behind the gateway has as many requests as it may get at a time.',
    remedy: 'Look why they take so long, or raise limits.requests or limits.queue of the target.',
  },
  'ambiguous-field': {
    status: 400,
    title: 'The name of a header field has an underscore, which some systems read as a hyphen.',
    remedy: 'Nothing here: headers.underscores of the target says that such requests are refused.',
  },
  'forwarding-loop': {
    status: 508,
    title: 'The request came back to the gateway that forwarded it.',
    remedy: 'Correct legacy.url or the service of the capability: it points at the gateway itself.',
  },
  'internal-error': {
    status: 500,
    title: 'The gateway failed.',
    remedy: 'A defect of the gateway: report it with the log line that has this request id.',
  },
} as const satisfies Record<string, { status: number; title: string; remedy: string }>;

export type GatewayErrorCode = keyof typeof gatewayErrors;

/** An error of the gateway: a code of the list, what was found and what was expected, and the cause for the operator. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: GatewayErrorCode;
  constructor(code: GatewayErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The problem details that a client is shown: code, sentence and detail, never the cause. */
export function problemOf({ code, message }: GatewayError, requestId?: string): Problem {
  const { status, title } = gatewayErrors[code];
  return { status, code, title, detail: message, ...(requestId === undefined ? {} : { requestId }) };
}
