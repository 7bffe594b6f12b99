import { changeLinks } from './link.ts';
import type { Naming } from './naming.ts';
import { publicCookiePath, publicPath } from './public-path.ts';
import { publicUrl } from './public-url.ts';
import { changeRefresh } from './refresh.ts';
import { publicCookie } from './set-cookie.ts';
import type { SideRewriting } from './side-rewriting.ts';
import { patternToPublic } from './url-patterns.ts';
import { rewriteUrls } from './url-rewriter.ts';

type Change = (value: string, context: SideRewriting) => string;

const changes: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['location', reference],
  ['content-location', reference],
  ['link', (value, context) => changeLinks(value, (url) => reference(url, context))],
  ['refresh', (value, context) => changeRefresh(value, (url) => reference(url, context))],
  [
    'set-cookie',
    (value, { naming, rules, routes }) =>
      publicCookie(value, naming, {
        secure: rules.secureCookies,
        publicPath: (path) => publicCookiePath(path, routes),
      }),
  ],
  // The answer to an Origin that was changed on its way in (upstream-fields.ts).
  ['access-control-allow-origin', (value, { naming }) => publicUrl(value, naming)],
  ['x-pingback', reference],
  ['content-security-policy', everyUrl],
  ['content-security-policy-report-only', everyUrl],
]);

/** A field's value for the client. Optimization: one look-up for a field that never names the application. */
export function publicFieldValue(lowerName: string, value: string, context: SideRewriting): string {
  return changes.get(lowerName)?.(value, context) ?? value;
}

/** A URL reference (RFC 3986 section 4.1): with authority, or a path alone. */
function reference(url: string, { naming, rules, routes }: SideRewriting): string {
  const named = publicUrl(url, naming);
  const ours = named !== url || isPath(url) ? mapPath(named, routes) : url;
  return rules.queries ? nestedToPublic(ours, naming) : ours;
}

function isPath(url: string): boolean {
  return url.startsWith('/') && !url.startsWith('//');
}

function mapPath(url: string, routes: SideRewriting['routes']): string {
  if (routes.length === 0) return url;
  const at = isPath(url) ? 0 : url.indexOf('/', url.indexOf('//') + 2);
  return at < 0 ? url : url.slice(0, at) + publicPath(url.slice(at), routes);
}

function nestedToPublic(url: string, naming: Naming): string {
  const at = url.indexOf('?');
  return at < 0 ? url : url.slice(0, at) + rewriteUrls(url.slice(at), patternToPublic(naming));
}

function everyUrl(value: string, { naming }: SideRewriting): string {
  return rewriteUrls(value, patternToPublic(naming));
}
