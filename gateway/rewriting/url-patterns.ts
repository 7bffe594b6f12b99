import type { Naming } from './naming.ts';
import { type UrlPattern, urlsToPublic, urlsToUpstream } from './url-pattern.ts';

/** Patterns kept at most: the public authority is what clients write, so there may be as many as they like. */
const maxKept = 64;

/** The pattern for a naming, made once and kept. */
export const patternToPublic = kept(urlsToPublic);
/** The pattern of the way back, made once and kept. */
export const patternToUpstream = kept(urlsToUpstream);

function kept(make: (naming: Naming) => UrlPattern): (naming: Naming) => UrlPattern {
  const patterns = new Map<string, UrlPattern>();
  return (naming) => {
    const { publicScheme, publicAuthority, upstreamOrigin, knownAs } = naming;
    const key = [publicScheme, publicAuthority, upstreamOrigin, ...knownAs].join(' ');
    const known = patterns.get(key);
    if (known) return known;
    const [oldest] = patterns.keys();
    if (patterns.size >= maxKept) patterns.delete(oldest!);
    const made = make(naming);
    patterns.set(key, made);
    return made;
  };
}
