import { createPublicKey } from 'node:crypto';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';

/** Finds the key that a token's header asks for. Throws where there is none. */
export type TokenKeys = JWTVerifyGetKey;

/** What a token must be, beside signed. */
export interface TokenRules {
  readonly algorithms: readonly string[];
  readonly issuers: readonly string[] | undefined;
  readonly audiences: readonly string[] | undefined;
  readonly leewayMs: number;
}

/** What came of a token. */
export type TokenVerdict =
  | { readonly kind: 'verified'; readonly claims: JWTPayload; readonly expiresAtMs: number }
  | { readonly kind: 'refused'; readonly reason: string }
  /** The key set has no such key: a newer one may. */
  | { readonly kind: 'unknown-key' };

/**
 * Verifies a signed token (JWS compact, RFC 7519) at a moment. `exp` is required; `nbf`, `iss` and `aud` count where they are there or asked for.
 * Algorithms that are not listed are refused before any key is looked at (RFC 8725 section 3.1), `none` always. Never rejects.
 */
export async function verifyToken(
  token: string,
  keys: TokenKeys,
  { algorithms, issuers, audiences, leewayMs }: TokenRules,
  nowMs: number,
): Promise<TokenVerdict> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: [...algorithms],
      ...(issuers === undefined ? {} : { issuer: [...issuers] }),
      ...(audiences === undefined ? {} : { audience: [...audiences] }),
      clockTolerance: leewayMs / 1000,
      currentDate: new Date(nowMs),
      requiredClaims: ['exp'],
    });
    return { kind: 'verified', claims: payload, expiresAtMs: payload.exp! * 1000 + leewayMs };
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return { kind: 'unknown-key' };
    return { kind: 'refused', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Keys of a key set (RFC 7517), from its JSON text. Throws an Error that says what is wrong with it. */
export function keysOfSet(text: string): TokenKeys {
  const set: unknown = JSON.parse(text);
  if (typeof set !== 'object' || set === null || !('keys' in set) || !Array.isArray(set.keys)) {
    throw new Error('found JSON without keys, expected a key set {"keys": […]}');
  }
  return createLocalJWKSet(set as JSONWebKeySet);
}

/** A single public key, or the key of a certificate, from its PEM text. Throws an Error for a private key and for what is no PEM. */
export function keyOfPem(text: string): TokenKeys {
  if (text.includes('PRIVATE KEY')) throw new Error('found a private key, expected a public key or a certificate');
  const key = createPublicKey(text);
  return async () => key;
}

/** A secret shared with the issuer. */
export function keyOfSecret(secret: string): TokenKeys {
  const key = Buffer.from(secret);
  return async () => key;
}
