import { eachField } from './header-fields.ts';
import { requestField } from './request-field.ts';

/**
 * Fields that must not come after a body, because they say how a message is framed, routed, authenticated or understood (RFC 9110 section
 * 6.5.1), beside those that are taken from a head as well.
 */
const notInTrailers = new Set([
  ...['authorization', 'cookie', 'set-cookie', 'www-authenticate', 'cache-control', 'expect', 'location', 'range'],
  ...['content-encoding', 'content-type', 'content-range', 'max-forwards', 'pragma', 'age', 'date', 'expires', 'vary'],
]);

/** The trailer fields that may be passed on. What those who merge trailers into the head would take for a statement of the gateway's is left out. */
export function passableTrailers(raw: readonly string[]): [name: string, value: string][] {
  const kept: [string, string][] = [];
  eachField(raw, (name, value, lower) => {
    if (requestField(name).kind === 'plain' && !notInTrailers.has(lower)) kept.push([name, value]);
  });
  return kept;
}
