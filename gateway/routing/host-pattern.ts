/** The length that no host exceeds (RFC 1035 section 2.3.4), plus the asterisk and dot of a wildcard. */
const longestPattern = 255;

/** How specific a host pattern is: exact beats wildcard, a longer wildcard beats a shorter, none is last. */
export function hostRank(pattern: string | undefined): number {
  if (pattern === undefined) return 0;
  return pattern.startsWith('*.') ? pattern.length : longestPattern + 1;
}

/** Whether a host fits a pattern: `*.example.com` is any host below example.com, not example.com itself; undefined is any host. */
export function fitsHost(host: string, pattern: string | undefined): boolean {
  if (pattern === undefined) return true;
  if (!pattern.startsWith('*.')) return host === pattern;
  return host.endsWith(pattern.slice(1)) && host.length >= pattern.length;
}
