import { createHmac, timingSafeEqual } from 'node:crypto';

/** Name of the first-party cookie that holds the assignment key. */
export const assignmentCookieName = 'strangler-assignment';

const maxAgeSeconds = 400 * 24 * 3600;

/** The key in a cookie's value, or undefined when it is malformed or not signed with this secret. */
export function readAssignment(value: string | undefined, secret: string): string | undefined {
  const match = /^v1\.([\w-]{22})\.([\w-]{43})$/.exec(value ?? '');
  if (!match) return undefined;
  const [, key, given] = match;
  return timingSafeEqual(Buffer.from(given!), Buffer.from(signature(key!, secret))) ? key : undefined;
}

/**
 * The Set-Cookie value that gives a client its assignment key: `strangler-assignment=v1.KEY.SIGNATURE; …`. Signed, or a client could
 * choose its side of a percentage. Kept as long as browsers allow (400 days), so that nobody changes sides by waiting.
 */
export function assignmentCookie(key: string, secret: string, secure: boolean): string {
  const attributes = `Max-Age=${maxAgeSeconds}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  return `${assignmentCookieName}=v1.${key}.${signature(key, secret)}; ${attributes}`;
}

/** A key nobody can guess. `random` gives the number of bytes asked for. */
export function newAssignmentKey(random: (bytes: number) => Buffer): string {
  return random(16).toString('base64url');
}

/** The key of a user who came without a cookie: the same on every device, and for API clients that keep no cookies. */
export function assignmentKeyOfUser(user: string, secret: string): string {
  return createHmac('sha256', secret).update(`assignment of ${user}`).digest().subarray(0, 16).toString('base64url');
}

function signature(key: string, secret: string): string {
  return createHmac('sha256', secret).update(`${assignmentCookieName} v1 ${key}`).digest('base64url');
}
