import { scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(scrypt) as (password: string, salt: Buffer, length: number) => Promise<Buffer>;

/** Whether `password` is the one that `stored`, `scrypt$SALT$KEY` in hexadecimal, was made of. */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const [, salt, key] = /^scrypt\$([0-9a-f]{32})\$([0-9a-f]{64})$/.exec(stored) ?? [];
  if (salt === undefined || key === undefined) return false;
  const expected = Buffer.from(key, 'hex');
  return timingSafeEqual(await derive(password, Buffer.from(salt, 'hex'), expected.length), expected);
}
