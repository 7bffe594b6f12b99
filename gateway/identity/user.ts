import type { UserSource } from '../config.ts';

/** What a user can be read from. */
export interface UserEvidence {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: Readonly<Record<string, string>>;
  /** The peer is a trusted proxy: only then is a header more than the client's own claim. */
  readonly peerTrusted: boolean;
}

/** The user named by the first source that has one. */
export function recogniseUser(sources: readonly UserSource[], evidence: UserEvidence): string | undefined {
  for (const { kind, name } of sources) {
    const user = kind === 'cookie' ? evidence.cookies[name] : evidence.peerTrusted ? evidence.headers[name] : undefined;
    if (user) return user;
  }
  return undefined;
}
