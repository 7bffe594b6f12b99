import { accessSync, constants } from 'node:fs';
import { z } from 'zod';

/** Values that configuration files write as text and programs read as numbers. Each refuses with what was found and what was expected. */
const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizes = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** `200ms`, `2s`, `10m`, `24h`, `7d` → milliseconds. */
export const duration = z
  .string('expected a duration such as 200ms, 2s, 10m, 24h or 7d')
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/, 'expected a duration such as 200ms, 2s, 10m, 24h or 7d')
  .transform((text) => Number.parseFloat(text) * units[text.replace(/^[\d.]+/, '') as keyof typeof units])
  .meta({ description: 'A duration: a number and ms, s, m, h or d.' });

/** `0.1%`, `25%` → percent, 0 to 100. */
export const percent = z
  .string('expected a percentage from 0% to 100%, such as 0.1% or 25%')
  .regex(/^(100(\.0+)?|\d{1,2}(\.\d+)?)%$/, 'expected a percentage from 0% to 100%, such as 0.1% or 25%')
  .transform((text) => Number.parseFloat(text))
  .meta({ description: 'A percentage from 0% to 100%.' });

/** `256KiB`, `64MiB` → bytes. */
export const byteSize = z
  .string('expected a size such as 512B, 256KiB, 64MiB or 1GiB')
  .regex(/^\d+(B|KiB|MiB|GiB)$/, 'expected a size such as 512B, 256KiB, 64MiB or 1GiB')
  .transform((text) => Number.parseInt(text, 10) * sizes[text.replace(/^\d+/, '') as keyof typeof sizes])
  .meta({ description: 'A size: a whole number and B, KiB, MiB or GiB.' });

/** An origin: scheme http or https, host, optional port; no path, query or credentials. Given back without a trailing slash. */
export const httpOrigin = z
  .string()
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, pathname, search, hash, username } = new URL(text);
    return /^https?:$/.test(protocol) && pathname === '/' && !search && !hash && !username;
  }, 'expected an origin such as http://127.0.0.1:8000, without path, query or credentials')
  .transform((text) => new URL(text).origin)
  .meta({ description: 'An origin: http or https, host and port, without a path.' });

/** A text that `read` understands; what it throws (a RangeError that says what was found and expected) becomes a problem at the text's own place. */
export function readWith<T>(read: (text: string) => T) {
  return z.string().transform((text, context): T => {
    try {
      return read(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
}

/** The name of a header field or of a cookie: a token (RFC 9110 section 5.6.2, RFC 6265 section 4.1.1). */
export const token = (what: string) =>
  z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, `expected the name of ${what}: letters, digits, - and _`);

/** A TCP port. 0 takes any free one. */
export const port = z.int('expected a port from 0 to 65535').min(0).max(65_535);

/** The path of a file that can be read now, relative to the working directory. */
export const readableFile = z.string().superRefine((path, context) => {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    context.addIssue({ code: 'custom', message: `expected a file that can be read, found none at ${path} (${code})` });
  }
});
