import { AssignmentCookies } from '../../gateway/identity/assignment.ts';
import type { AssignmentConfig } from '../../gateway/identity/config.ts';
import { secret } from './configure.ts';

/** How assignments are kept where nothing is said about it. */
export const assignmentDefaults: AssignmentConfig = {
  cookie: 'strangler-assignment',
  sameSite: 'lax',
  domain: undefined,
  withoutCookie: 'address',
  afterWriteMs: 30 * 60_000,
};

/** The Cookie pair of a client with this key: `strangler-assignment=v1.…`. */
export function assigned(key: string, signedWith: string = secret, now: () => number = Date.now): string {
  const cookies = new AssignmentCookies(assignmentDefaults, [signedWith], now);
  return cookies.write(key, { secure: false, host: 'shop.example' }, undefined, undefined).split(';')[0]!;
}
