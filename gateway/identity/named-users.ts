import type { NamedUserConfig } from './config.ts';
import { type Recognition, recognised, type UserEvidence, type UserSource } from './user-source.ts';

/** Users whose name stands in the request itself: in a cookie, which is the client's own claim, or in a field that a trusted proxy has set. */
export class NamedUsers implements UserSource {
  readonly #kind: NamedUserConfig['kind'];
  readonly #name: string;
  readonly #source: string;

  constructor({ kind, name }: NamedUserConfig) {
    this.#kind = kind;
    this.#name = name;
    this.#source = `${kind} ${name}`;
  }

  recognise(evidence: UserEvidence): Recognition | undefined {
    const user = this.#kind === 'cookie' ? evidence.cookie(this.#name) : this.#trustedHeader(evidence);
    return user ? recognised(user, this.#source) : undefined;
  }

  #trustedHeader(evidence: UserEvidence): string | undefined {
    return evidence.peerTrusted ? evidence.header(this.#name) : undefined;
  }
}
