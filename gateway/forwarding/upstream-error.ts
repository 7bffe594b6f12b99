import { GatewayError } from '../errors.ts';

const unreachable = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
  'EACCES',
  'ENOENT',
]);

/** An error of Node's HTTP client as one of ours. What is ours already stays as it is. */
export function upstreamError(error: unknown, origin: string): GatewayError {
  if (error instanceof GatewayError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (unreachable.has(code))
    return new GatewayError('upstream-unreachable', `no connection to the application (${code})`, cause(error, origin));
  if (code === 'ETIMEDOUT')
    return new GatewayError(
      'upstream-connect-timeout',
      'the connection to the application timed out',
      cause(error, origin),
    );
  if (code.startsWith('HPE_') || code.startsWith('ERR_')) {
    return new GatewayError(
      'upstream-bad-answer',
      `the application's answer is malformed (${code})`,
      cause(error, origin),
    );
  }
  return new GatewayError(
    'upstream-broke-off',
    `the application closed the connection (${code || message})`,
    cause(error, origin),
  );
}

function cause(error: unknown, origin: string): { cause: unknown } {
  return { cause: new Error(`from ${origin}`, { cause: error }) };
}
