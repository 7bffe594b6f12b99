/** What a user can be read from. */
export interface UserEvidence {
  /** A field's value by its lower-case name. */
  header(lowerName: string): string | undefined;
  /** A cookie's value, percent-decoded where it is decodable. */
  cookie(name: string): string | undefined;
  /** A cookie's value as it was sent. */
  rawCookie(name: string): string | undefined;
  /** The peer is a trusted proxy: only then is a header more than the client's own claim. */
  readonly peerTrusted: boolean;
  readonly clientAddress: string;
  readonly publicScheme: 'http' | 'https';
  readonly publicAuthority: string;
}

/** Who asks, or why nobody could be named. */
export interface Recognition {
  /** Undefined: nobody. */
  readonly user: string | undefined;
  /** For operators: `cookie uid`, `jwt sub: the token has expired`. */
  readonly because: string;
}

/** One place a user may be read from. */
export interface UserSource {
  /** Undefined when the request has nothing for this source. A promise only where something has to be waited for; it never rejects. */
  recognise(evidence: UserEvidence): Recognition | undefined | Promise<Recognition>;
  /** The request of a client that may have changed who it is was answered: what is remembered of it counts no more. */
  forget?(evidence: UserEvidence): void;
}

/** Nothing in the request names anybody. */
export const nobody: Recognition = { user: undefined, because: 'nothing in the request names anybody' };

const maxUserLength = 256;

/** A user's name as a source found it; one that is no name, because it is empty or endless, is nobody's. */
export function recognised(user: string, source: string): Recognition {
  if (user === '') return refused(source, 'found an empty name');
  if (user.length <= maxUserLength) return { user, because: source };
  return refused(source, `found a name of ${user.length} characters, expected at most ${maxUserLength}`);
}

/** Nobody, although the request has something for this source. */
export function refused(source: string, reason: string): Recognition {
  return { user: undefined, because: `${source}: ${reason}` };
}

/** The user named by the first source that has one. Says why those before it named nobody. */
export function recogniseUser(
  sources: readonly UserSource[],
  evidence: UserEvidence,
  before: Recognition = nobody,
): Recognition | Promise<Recognition> {
  let said = before;
  for (let index = 0; index < sources.length; index += 1) {
    const found = sources[index]!.recognise(evidence);
    if (found === undefined) continue;
    if (found instanceof Promise) {
      const soFar = said;
      return found.then((one) => goOn(sources.slice(index + 1), evidence, joined(soFar, one)));
    }
    said = joined(said, found);
    if (said.user !== undefined) return said;
  }
  return said;
}

function goOn(sources: readonly UserSource[], evidence: UserEvidence, said: Recognition) {
  return said.user === undefined ? recogniseUser(sources, evidence, said) : said;
}

function joined(before: Recognition, found: Recognition): Recognition {
  return before === nobody ? found : { user: found.user, because: `${before.because}; ${found.because}` };
}
