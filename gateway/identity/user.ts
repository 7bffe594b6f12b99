import type { UserSource } from './config.ts';

/** What a user can be read from. */
export interface UserEvidence {
  header(lowerName: string): string | undefined;
  cookie(name: string): string | undefined;
  /** The peer is a trusted proxy: only then is a header more than the client's own claim. */
  readonly peerTrusted: boolean;
}

/** The user named by the first source that has one. */
export function recogniseUser(sources: readonly UserSource[], evidence: UserEvidence): string | undefined {
  for (const { kind, name } of sources) {
    const user = kind === 'cookie' ? evidence.cookie(name) : evidence.peerTrusted ? evidence.header(name) : undefined;
    if (user) return user;
  }
  return undefined;
}
