/** A request target taken apart for matching. What is forwarded is always the original text. */
export interface ParsedTarget {
  /** The path's segments as received: `/shipments/7` → `['shipments', '7']`. */
  readonly rawSegments: readonly string[];
  /** The same, percent-decoded once. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

/**
 * Takes a target apart, or says why two systems could read its path differently. An ambiguous path never matches a route: otherwise
 * one spelling could be routed by one reading and answered by another (the routing bypasses of GHSA-2q7r-29rg-6m5h and its kin).
 */
export function parseTarget(target: string): ParsedTarget | { readonly ambiguous: string } {
  const [path, query] = splitOnce(target, '?');
  const ambiguous = ambiguity(path);
  if (ambiguous) return { ambiguous };
  const rawSegments = path.slice(1).split('/');
  const segments = rawSegments.map(decodeSegment);
  const undecodable = segments.indexOf(undefined);
  if (undecodable >= 0) {
    return { ambiguous: `a percent escape that is not UTF-8 in ${JSON.stringify(rawSegments[undecodable])}` };
  }
  return { rawSegments, segments: segments as string[], query: new URLSearchParams(query) };
}

const ambiguities: readonly (readonly [RegExp, string])[] = [
  [/^(?!\/)/, 'no leading slash'],
  [/%(?![0-9a-f]{2})/i, 'a percent sign that starts no escape'],
  [/%2f/i, 'an encoded slash (%2F)'],
  [/\\|%5c/i, 'a backslash'],
  [/%(?:[01][0-9a-f]|7f)/i, 'an encoded control character'],
  [/%25[0-9a-f]{2}/i, 'an escape of an escape (%25..)'],
  [/;|%3b/i, 'a semicolon'],
  [/#/, 'a fragment'],
  [/\/\//, 'an empty segment (//)'],
  [/\/(?:\.|%2e){1,2}(?:\/|$)/i, 'a dot segment'],
  [/[^\x21-\x7e]/, 'a byte that is not printable ASCII'],
];

function ambiguity(path: string): string | undefined {
  return ambiguities.find(([pattern]) => pattern.test(path))?.[1];
}

function decodeSegment(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** `a?b?c` → `['a', 'b?c']`; without the separator the second part is empty. */
export function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
