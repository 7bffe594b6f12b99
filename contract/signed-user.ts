import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The value of the `strangler-user` header: `v1.BASE64URL(user).BASE64URL(hmac-sha256(secret, "v1." + BASE64URL(user)))`.
 * A service verifies it with the shared secret, so nobody behind the gateway can forge a user.
 */
export function signUser(user: string, secret: string): string {
  const payload = `v1.${Buffer.from(user).toString('base64url')}`;
  return `${payload}.${signature(payload, secret)}`;
}

/** The user in a signed value, or undefined when the value is malformed or not signed with this secret. */
export function verifySignedUser(value: string, secret: string): string | undefined {
  const end = value.lastIndexOf('.');
  const payload = value.slice(0, Math.max(end, 0));
  if (!/^v1\.[\w-]*$/.test(payload)) return undefined;
  const given = Buffer.from(value.slice(end + 1));
  const expected = Buffer.from(signature(payload, secret));
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return Buffer.from(payload.slice(3), 'base64url').toString();
}

function signature(payload: string, secret: string): string {
  return createHmac('sha256', secret).update(payload).digest('base64url');
}
