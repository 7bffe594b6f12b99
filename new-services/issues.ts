import type { z } from 'zod';

/** A place where a value does not have the expected shape. */
export interface Issue {
  /** JSON Pointer (RFC 6901): `/data/packing-list/0`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** Every problem of a value, each with its place. */
export function issuesOf(error: z.core.$ZodError): Issue[] {
  return error.issues.map(({ path, message }) => ({ path: pointer(path), message }));
}

/** The same as one sentence. */
export function describeIssues(error: z.core.$ZodError): string {
  return issuesOf(error)
    .map(({ path, message }) => `${path || 'the whole'}: ${message}`)
    .join('; ');
}

function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
