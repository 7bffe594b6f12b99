import type { TokenKeys } from './json-web-token.ts';

/** Where keys that verify tokens come from. */
export interface KeySource {
  /** Undefined: none is known yet. */
  readonly keys: TokenKeys | undefined;
  /** Undefined: all is well, or nothing can go wrong. */
  readonly trouble: { readonly since: string; readonly detail: string } | undefined;
  /** Resolves when it was asked for newer keys, or need not or may not be asked now. Never rejects. */
  renew(): Promise<void>;
  /** Resolves when nothing is asked for or written any more. */
  stop(): Promise<void>;
}

/** Keys that stay as they are. */
export function fixedKeys(keys: TokenKeys): KeySource {
  return { keys, trouble: undefined, renew: async () => {}, stop: async () => {} };
}
