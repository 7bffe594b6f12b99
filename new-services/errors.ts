import type { Problem } from '../runtime/problem.ts';

/** Every error the services answer or stop with: its HTTP status, what it means, and what the operator or caller should do. */
export const servicesErrors = {
  'malformed-json': { status: 400, title: 'The body is not JSON', remedy: 'Send one JSON object in UTF-8.' },
  'malformed-envelope': {
    status: 400,
    title: 'The command or query does not have the agreed shape',
    remedy: 'Correct each place listed in `problems`; the shapes are in contract/envelope.ts.',
  },
  'malformed-position': {
    status: 400,
    title: 'A log position cannot be read',
    remedy: 'Send a position exactly as an earlier answer gave it, such as domain/0/1234.',
  },
  'malformed-request': {
    status: 400,
    title: 'A part of the request cannot be read',
    remedy: 'Correct the parameter or header that the detail names.',
  },
  'unknown-action': {
    status: 400,
    title: 'No command or query has this action',
    remedy: 'Use one of the actions listed in the detail.',
  },
  'not-found': { status: 404, title: 'Nothing is served at this address', remedy: 'Check the path.' },
  'command-unknown': {
    status: 404,
    title: 'No command with this id was ever accepted',
    remedy: 'Post the command; its id makes posting again harmless.',
  },
  'shipment-not-found': { status: 404, title: 'There is no such shipment', remedy: 'Check the shipment-id.' },
  'method-not-allowed': { status: 405, title: 'The method is not served here', remedy: 'Use a method from Allow.' },
  'command-id-reused': {
    status: 409,
    title: 'The id belongs to another command',
    remedy: 'Give every new command an id of its own.',
  },
  'not-yet-at-position': {
    status: 409,
    title: 'The read model has not reached the position asked for',
    remedy: 'Ask again shortly, or ask legacy; if it lasts, see /readyz.',
  },
  'position-of-another-generation': {
    status: 410,
    title: 'The history of domain events that the position belongs to is not the current one',
    remedy:
      'Read anew: from the start of the current one, at offset 0 of the position named in the detail, or from its head.',
  },
  'body-too-large': { status: 413, title: 'The body is too large', remedy: 'Send at most 1 MiB.' },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is not declared as JSON',
    remedy: 'Send content-type: application/json.',
  },
  'upgrade-required': {
    status: 426,
    title: 'The upgrade cannot be served',
    remedy: 'Upgrade to websocket on /update.',
  },
  'internal-error': { status: 500, title: 'The service failed', remedy: 'See the log line with the same requestId.' },
  'log-unavailable': {
    status: 503,
    title: 'The event log cannot be reached',
    remedy: 'Check the log; the request can be repeated.',
  },
  'projection-building': {
    status: 503,
    title: 'The read model is being built',
    remedy: 'Wait; /readyz tells how far it is.',
  },
  'projection-of-another-log': {
    status: 500,
    title: 'The read model was built from another log, or from a later state of this one',
    remedy: 'If the log was restored or replaced on purpose, delete the named file: it is rebuilt from the log.',
  },
  'stream-too-busy': {
    status: 503,
    title: 'Other writers were faster each time',
    remedy: 'Nothing was written; the command processor tries again.',
  },
} as const;

export type ServicesErrorCode = keyof typeof servicesErrors;

/** An error from the closed list, with what was found, what was expected and where in its message. */
export class ServicesError extends Error {
  override readonly name = 'ServicesError';
  readonly code: ServicesErrorCode;
  /** More members of the problem, such as `problems` with the path of each. */
  readonly facts: Readonly<Record<string, unknown>>;
  constructor(
    code: ServicesErrorCode,
    message: string,
    options: { cause?: unknown; facts?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.facts = options.facts ?? {};
  }
}

/** The HTTP answer for an error from the list. */
export function problemOf(error: ServicesError): Problem {
  const { status, title, remedy } = servicesErrors[error.code];
  return { status, code: error.code, title, detail: error.message, remedy, ...error.facts };
}
