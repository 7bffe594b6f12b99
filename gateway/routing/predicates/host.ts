import type { Predicate } from '../predicate.ts';

/** Accepts a request for one of these hosts. `*.example.com` is any host below example.com, not example.com itself. */
export function hostPredicate(hosts: readonly string[]): Predicate {
  const exact = new Set(hosts.filter((host) => !host.startsWith('*.')));
  const suffixes = hosts.filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  return {
    text: `host ${[...hosts].sort().join('|')}`,
    test: ({ facts: { host } }) =>
      exact.has(host) || suffixes.some((suffix) => host.endsWith(suffix) && host.length > suffix.length),
  };
}

/** How specific a list of hosts is, by its least specific: exact beats wildcard, a longer wildcard beats a shorter, none is last. */
export function hostRank(hosts: readonly string[]): number {
  if (hosts.length === 0) return 0;
  return Math.min(...hosts.map((host) => (host.startsWith('*.') ? host.length : 1_000)));
}
