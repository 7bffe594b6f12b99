import { acceptableCodings } from './content-coding.ts';
import { upstreamUrl } from './public-url.ts';
import type { SideRewriting } from './side-rewriting.ts';
import { patternToUpstream } from './url-patterns.ts';
import { rewriteUrls } from './url-rewriter.ts';

/** Fields that say where a request comes from or leads to. An application compares them with its Host to refuse forged requests. */
const urlFields = new Set(['origin', 'referer', 'destination']);

/** A request field's value for the application. */
export function upstreamFieldValue(
  lowerName: string,
  value: string,
  { naming, rules, hostRewritten }: SideRewriting,
): string {
  if (hostRewritten && urlFields.has(lowerName)) return upstreamUrl(value, naming);
  if (rules.bodies === undefined) return value;
  return lowerName === 'accept-encoding' ? acceptableCodings(value) : value;
}

/** A request target for the application: with `rewriteQueries`, public URLs nested in its query become the application's own. */
export function upstreamTarget(target: string, { naming, rules, hostRewritten }: SideRewriting): string {
  if (!hostRewritten || !rules.queries || naming.publicAuthority === '') return target;
  const at = target.indexOf('?');
  if (at < 0) return target;
  return target.slice(0, at) + rewriteUrls(target.slice(at), patternToUpstream(naming));
}
