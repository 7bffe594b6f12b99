import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The value of the `strangler-user` header: `v1.BASE64URL(user).BASE64URL(hmac-sha256(secret, "v1." + BASE64URL(user)))`.
 * A service verifies it with the shared secret, so nobody behind the gateway can forge a user.
 */
export function signUser(user: string, secret: string): string {
  const payload = `v1.${Buffer.from(user).toString('base64url')}`;
  return `${payload}.${signature(payload, secret)}`;
}

/**
 * The user in a signed value, or undefined when the value is malformed or signed with none of these secrets. While a secret is exchanged
 * there are several: services learn the new one before the gateway signs with it, and forget the old one after.
 */
export function verifySignedUser(value: string, secrets: string | readonly string[]): string | undefined {
  const end = value.lastIndexOf('.');
  const payload = value.slice(0, Math.max(end, 0));
  if (!/^v1\.[\w-]*$/.test(payload)) return undefined;
  const given = Buffer.from(value.slice(end + 1));
  const known = typeof secrets === 'string' ? [secrets] : secrets;
  if (!known.some((secret) => isSame(given, Buffer.from(signature(payload, secret))))) return undefined;
  return Buffer.from(payload.slice(3), 'base64url').toString();
}

function isSame(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function signature(payload: string, secret: string): string {
  return createHmac('sha256', secret).update(payload).digest('base64url');
}
