/** A place in an answer, as a rule names it. `text` is how the configuration wrote it; reports name the rule by it. */
export type Selector = PointerSelector | HeaderSelector | LineSelector;

/** A JSON Pointer in which a segment `*` stands for any one segment. */
export interface PointerSelector {
  readonly kind: 'pointer';
  readonly segments: readonly string[];
  readonly text: string;
}

/** One header field, `header.location`; the name in lower case. */
export interface HeaderSelector {
  readonly kind: 'header';
  readonly name: string;
  readonly text: string;
}

/** All lines of a text that a regular expression finds, `line:/generated at/i`. */
export interface LineSelector {
  readonly kind: 'line';
  readonly pattern: RegExp;
  readonly text: string;
}

/** Reads a selector. Throws a RangeError that says what was found and what was expected. */
export function parseSelector(text: string): Selector {
  if (text === '' || text.startsWith('/')) return parsePointer(text);
  if (text.startsWith('header.')) return parseHeader(text);
  if (text.startsWith('line:')) return parseLine(text);
  throw new RangeError(
    `found ${JSON.stringify(text.slice(0, 80))}, expected a JSON Pointer such as /items/*/id, a header such as header.location, or line:/PATTERN/`,
  );
}

/** Reads a JSON Pointer (RFC 6901, `~1` is `/` and `~0` is `~`) with `*` segments; `""` is the whole document. */
export function parsePointer(text: string): PointerSelector {
  if (text !== '' && !text.startsWith('/')) {
    throw new RangeError(`found ${JSON.stringify(text.slice(0, 80))}, expected a JSON Pointer such as /items/*/id`);
  }
  const segments = text
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  return { kind: 'pointer', segments, text };
}

/** The JSON Pointer of a path. */
export function formatPointer(path: readonly string[]): string {
  return path.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Whether a pointer names this path itself. */
export function pointsAt({ segments }: PointerSelector, path: readonly string[]): boolean {
  return segments.length === path.length && leads(segments, path);
}

/** Whether a pointer names this path or a place above it. */
export function covers({ segments }: PointerSelector, path: readonly string[]): boolean {
  return segments.length <= path.length && leads(segments, path);
}

function leads(segments: readonly string[], path: readonly string[]): boolean {
  return segments.every((segment, index) => segment === '*' || segment === path[index]);
}

function parseHeader(text: string): HeaderSelector {
  const name = text.slice('header.'.length).toLowerCase();
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) {
    throw new RangeError(`found ${JSON.stringify(text.slice(0, 80))}, expected header.NAME such as header.location`);
  }
  return { kind: 'header', name, text };
}

function parseLine(text: string): LineSelector {
  const match = /^line:\/(.+)\/([imsu]*)$/.exec(text);
  if (!match) {
    throw new RangeError(`found ${JSON.stringify(text.slice(0, 80))}, expected line:/PATTERN/ with flags i, m, s, u`);
  }
  try {
    return { kind: 'line', pattern: new RegExp(match[1]!, match[2]), text };
  } catch (error) {
    throw new RangeError(`found ${JSON.stringify(text.slice(0, 80))}: ${(error as Error).message}`);
  }
}
