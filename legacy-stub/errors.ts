/**
 * The closed list of what the application refuses or fails with: HTTP status, and what the operator should do (nothing,
 * when it is the client's).
 */
export const errorCodes = {
  'not-found': { status: 404, operator: 'Nothing: there is no such record, page or document.' },
  'method-not-allowed': { status: 405, operator: 'Nothing: the client used a method that the address does not have.' },
  'bad-id': { status: 400, operator: 'Nothing: the client sent something that is no id.' },
  'bad-request': { status: 400, operator: 'Nothing: the client sent a body that cannot be read.' },
  'bad-field': { status: 400, operator: 'Nothing: the client sent a value that the column cannot hold.' },
  'body-too-large': {
    status: 413,
    operator: 'Nothing, unless such bodies are wanted: the limits are in application.ts.',
  },
  'unsupported-media-type': {
    status: 415,
    operator: 'Nothing: the client sent a body of a kind that is not read here.',
  },
  'log-in-required': { status: 403, operator: 'Nothing: the client is not logged in, or with a wrong password.' },
  'database-unavailable': {
    status: 500,
    operator: 'Start the database, or correct LEGACY_DB_URL; the next request tries again.',
  },
  'session-busy': {
    status: 500,
    operator: 'Look for a request of the same session that does not end (SHOW PROCESSLIST).',
  },
  internal: { status: 500, operator: 'Read the cause in the error log.' },
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** A refusal or failure with a sentence for the client; `cause` is for the operator only. */
export class LegacyError extends Error {
  override readonly name = 'LegacyError';
  readonly code: ErrorCode;
  /** Answer headers that belong to the refusal, such as `Allow`. */
  readonly headers: readonly (readonly [string, string])[];

  constructor(
    code: ErrorCode,
    message: string,
    { cause, headers = [] }: { cause?: unknown; headers?: readonly (readonly [string, string])[] } = {},
  ) {
    super(message, { cause });
    this.code = code;
    this.headers = headers;
  }

  get status(): number {
    return errorCodes[this.code].status;
  }
}

/** The record, page or document asked for is not there. */
export function notFound(): LegacyError {
  return new LegacyError('not-found', 'not found');
}

/**
 * Any thrown value as a `LegacyError`: body-parser's and multer's errors by their `status` or `code`, the database's by
 * where they come from (a socket error or the server's own), the rest as `internal`.
 */
export function translateError(thrown: unknown): LegacyError {
  if (thrown instanceof LegacyError) return thrown;
  const {
    status,
    code,
    message = String(thrown),
  } = (thrown ?? {}) as { status?: number; code?: string; message?: string };
  if (status === 413 || code === 'LIMIT_FILE_SIZE')
    return new LegacyError('body-too-large', `the body is too large: ${message}`, { cause: thrown });
  if (status === 415) return new LegacyError('unsupported-media-type', message, { cause: thrown });
  if (status !== undefined && status >= 400 && status < 500)
    return new LegacyError('bad-request', message, { cause: thrown });
  if (isMultipartError(thrown))
    return new LegacyError('bad-request', `the upload cannot be read: ${message}`, { cause: thrown });
  if (isConnectionError(thrown))
    return new LegacyError('database-unavailable', 'error establishing a database connection', { cause: thrown });
  return new LegacyError('internal', 'internal error', { cause: thrown });
}

const multipartMessages =
  /^(Multipart: |Malformed |Unexpected end of |Unexpected end of form|Request aborted|Request closed)/;

function isMultipartError(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === 'MulterError' || multipartMessages.test(thrown.message));
}

const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ER_CON_COUNT_ERROR',
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_BAD_DB_ERROR',
  'ER_SERVER_SHUTDOWN',
  'ER_CONNECTION_KILLED',
]);

function isConnectionError(thrown: unknown): boolean {
  const { code, fatal } = (thrown ?? {}) as { code?: string; fatal?: boolean };
  return fatal === true || (code !== undefined && connectionCodes.has(code));
}
