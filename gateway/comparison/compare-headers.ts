import type { CompareRules } from './config.ts';
import { Findings } from './difference.ts';
import { equivalences } from './equivalence.ts';

type Headers = Readonly<Record<string, string>>;

/**
 * Fields that tell a client what to do with an answer. Others are compared only when `headers` asks for them: they speak of the server
 * (date, server, via, x-powered-by), of the transfer (content-length, transfer-encoding, connection, vary), of one representation's
 * bytes (etag, last-modified), or hold values that are never alike (set-cookie).
 */
const compared = [
  'content-type',
  'content-language',
  'content-disposition',
  'location',
  'cache-control',
  'allow',
  'www-authenticate',
  'link',
  'retry-after',
] as const;

/** Compares the meaningful header fields of two answers. */
export function compareHeaders(control: Headers, candidate: Headers, rules: CompareRules): Findings {
  const findings = new Findings();
  for (const name of new Set([...compared, ...rules.headers])) {
    const [one, other] = [control[name], candidate[name]];
    if (meaningOf(name, one) === meaningOf(name, other)) continue;
    const difference = { kind: 'header', path: `header.${name}`, control: one, candidate: other } as const;
    findings.add(difference, harmlessBy(name, one, other, rules));
  }
  return findings;
}

function harmlessBy(name: string, control: string | undefined, candidate: string | undefined, rules: CompareRules) {
  const ignore = rules.ignore.find((selector) => selector.kind === 'header' && selector.name === name);
  if (ignore) return `ignore ${ignore.text}`;
  const equivalent = rules.equivalent.find(
    ({ at, as }) => at.kind === 'header' && at.name === name && equivalences[as](control, candidate),
  );
  return equivalent && `equivalent ${equivalent.at.text}: ${equivalent.as}`;
}

/** A field's value without what says nothing: case and spaces of media types and directives, the charset of JSON (RFC 8259 §11 has none). */
function meaningOf(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (name === 'content-type') {
    const normal = value
      .toLowerCase()
      .replaceAll(/\s*;\s*/g, ';')
      .replaceAll('"', '')
      .trim();
    return normal.replace(/^([^;]*[/+]json);charset=utf-?8$/, '$1');
  }
  if (name === 'cache-control' || name === 'allow') return listMembers(value).sort().join(',');
  return value.trim();
}

function listMembers(value: string): string[] {
  return value
    .toLowerCase()
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}
