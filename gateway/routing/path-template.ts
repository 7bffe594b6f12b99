import type { ParsedTarget } from './request-target.ts';

type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'parameter'; readonly name: string; readonly type: 'text' | 'int' };

/**
 * A path with places to fill: `/shipments/{id}`, `/shipments/{id:int}`, `/reports/*`. A parameter is one whole segment, not empty.
 * A trailing `/*` is whatever follows that slash, nothing included; `/reports` itself is not under `/reports/*`.
 */
export interface PathTemplate {
  readonly text: string;
  readonly segments: readonly Segment[];
  /** Ends in `/*`. */
  readonly prefix: boolean;
}

/** What a template's places held, as received (still percent-encoded): `{id: '7'}`, the rest of a prefix under `*`. */
export type PathCaptures = Readonly<Record<string, string>>;

/** Reads a template. Throws a RangeError that says what was found and what was expected. */
export function parsePathTemplate(text: string): PathTemplate {
  const refuse = (why: string): never => {
    throw new RangeError(`found ${JSON.stringify(text)}, ${why}`);
  };
  if (!text.startsWith('/')) refuse('expected a path that begins with "/", such as /shipments/{id}');
  if (/[\s?#;\\%]|\/\//.test(text)) {
    refuse('expected a plain path: no spaces, query, fragment, semicolon, backslash, percent escape or empty segment');
  }
  const prefix = text.endsWith('/*');
  const segments = (prefix ? text.slice(1, -2) : text.slice(1))
    .split('/')
    .map((segment) => readSegment(segment, refuse));
  const names = segments.flatMap((segment) => (segment.kind === 'parameter' ? [segment.name] : []));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) refuse(`expected each parameter once, {${twice}} stands twice`);
  return { text, segments: text === '/*' ? [] : segments, prefix };
}

function readSegment(segment: string, refuse: (why: string) => never): Segment {
  const parameter = /^\{([A-Za-z][\w-]*)(?::(\w+))?\}$/.exec(segment);
  if (!parameter) {
    if (segment === '.' || segment === '..') refuse('expected a path without "." and ".." segments');
    if (/[{}*]/.test(segment))
      refuse(`expected {name}, {name:int} or a trailing /* where ${JSON.stringify(segment)} stands`);
    return { kind: 'literal', text: segment };
  }
  const type = parameter[2] ?? 'text';
  if (type !== 'text' && type !== 'int')
    refuse(`expected {${parameter[1]}} or {${parameter[1]}:int}, ":${type}" is no type of a parameter`);
  return { kind: 'parameter', name: parameter[1]!, type: type as 'text' | 'int' };
}

/** The captures when the template accepts the path, else undefined. */
export function matchPath(template: PathTemplate, target: ParsedTarget): PathCaptures | undefined {
  const { segments, prefix } = template;
  const { length } = target.segments;
  if (prefix ? length <= segments.length : length !== segments.length) return undefined;
  if (!segments.every((segment, index) => accepts(segment, target.segments[index]!))) return undefined;
  const captures: Record<string, string> = {};
  segments.forEach((segment, index) => {
    if (segment.kind === 'parameter') captures[segment.name] = target.rawSegments[index]!;
  });
  if (prefix) captures['*'] = target.rawSegments.slice(segments.length).join('/');
  return captures;
}

function accepts(segment: Segment, text: string): boolean {
  if (segment.kind === 'literal') return segment.text === text;
  return segment.type === 'int' ? isDigits(text) : text !== '';
}

/** Whether a text is one or more decimal digits. */
export function isDigits(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x30 || code > 0x39) return false;
  }
  return text !== '';
}

/** Fills a template's places: `/v2/*` with `{'*': 'a/b'}` → `/v2/a/b`. The captures come from a path without dot segments, so none can climb. */
export function renderPath(template: PathTemplate, captures: PathCaptures): string {
  const filled = template.segments.map((segment) =>
    segment.kind === 'literal' ? segment.text : captures[segment.name]!,
  );
  return `/${[...filled, ...(template.prefix ? [captures['*']!] : [])].join('/')}`;
}

/** Names of a template's places, `*` for the rest of a prefix. */
export function placesOf(template: PathTemplate): string[] {
  const names = template.segments.flatMap((segment) => (segment.kind === 'parameter' ? [segment.name] : []));
  return template.prefix ? [...names, '*'] : names;
}

const precedence = { literal: '4', int: '3', text: '2', rest: '1' } as const;

/**
 * How specific a template is, compared as text, greater first: from left to right a literal segment beats an `int` parameter, that a
 * parameter, that the rest of a prefix. `/a/b` → `44`, `/a/{x}` → `42`, `/a/*` → `41`.
 */
export function pathRank({ segments, prefix }: PathTemplate): string {
  const ranks = segments.map((segment) => precedence[segment.kind === 'literal' ? 'literal' : segment.type]);
  return ranks.join('') + (prefix ? precedence.rest : '');
}

/** The template without its parameters' names: two of one shape accept the same paths. `/shipments/{id}` → `/shipments/{}`. */
export function pathShape({ segments, prefix }: PathTemplate): string {
  const shapes = segments.map((segment) =>
    segment.kind === 'literal' ? segment.text : segment.type === 'int' ? '{:int}' : '{}',
  );
  return `/${[...shapes, ...(prefix ? ['*'] : [])].join('/')}`;
}
