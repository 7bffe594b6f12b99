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

/** What OpenSSL and Node say of a certificate that they do not believe. */
const untrusted =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT)|ERR_TLS_CERT_ALTNAME_INVALID)/;

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
  if (untrusted.test(code)) {
    return new GatewayError(
      'upstream-untrusted',
      `the application's certificate is not believed (${code})`,
      cause(error, origin),
    );
  }
  if (/^(EPROTO|ERR_SSL_|ERR_TLS_)/.test(code)) {
    return new GatewayError('upstream-unreachable', `no TLS with the application (${code})`, cause(error, origin));
  }
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
