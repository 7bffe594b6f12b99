/** Why a body cannot be looked into. */
export const bodyProblems = {
  oversize: 'the body is longer than routing.bodyLimit',
  encoded: 'the body has a content coding',
  'other-type': 'the body is of another content type',
  malformed: 'the body is not well-formed',
  'repeated-member': 'a member stands twice in the body, and systems differ in which counts',
  'broken-off': 'the body broke off',
} as const;

export type BodyProblem = keyof typeof bodyProblems;

/** A request's body as conditions see it. */
export type RequestBody =
  | { readonly kind: 'absent' }
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'form'; readonly fields: URLSearchParams }
  | { readonly kind: 'unreadable'; readonly problem: BodyProblem };

/** The header fields that say what a body is. */
export interface BodyHeaders {
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
}

/**
 * Reads a whole body for matching: JSON or a URL-encoded form, in UTF-8 without a byte order mark. What two systems could read differently
 * (a member that stands twice, an escape that is none) is unreadable, never guessed. Forms in parts (multipart) are not looked into.
 */
export function readRequestBody(bytes: Uint8Array, { contentType, contentEncoding }: BodyHeaders): RequestBody {
  if (bytes.length === 0) return { kind: 'absent' };
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity') return unreadable('encoded');
  const type =
    /^application\/(?:(json|[\w.+-]+\+json)|(x-www-form-urlencoded))[ \t]*(?:;[ \t]*charset="?utf-8"?)?$/i.exec(
      contentType ?? '',
    );
  if (!type) return unreadable('other-type');
  const text = decodeUtf8(bytes);
  if (text === undefined) return unreadable('malformed');
  return type[1] === undefined ? readForm(text) : readJson(text);
}

export function unreadable(problem: BodyProblem): RequestBody {
  return { kind: 'unreadable', problem };
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function readForm(text: string): RequestBody {
  return /%(?![0-9a-f]{2})/i.test(text) ? unreadable('malformed') : { kind: 'form', fields: new URLSearchParams(text) };
}

function readJson(text: string): RequestBody {
  try {
    const value: unknown = JSON.parse(text);
    return membersWritten(text) === membersKept(value) ? { kind: 'json', value } : unreadable('repeated-member');
  } catch {
    return unreadable('malformed');
  }
}

const [quote, backslash, colon] = [0x22, 0x5c, 0x3a];

/** How many members a well-formed text writes: each has one colon outside strings. Not a regular expression: those give up on long strings. */
function membersWritten(text: string): number {
  let colons = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === quote) inString = !inString;
    else if (code === backslash) index += 1;
    else if (code === colon && !inString) colons += 1;
  }
  return colons;
}

/** How many members were kept by the parser, which drops all but the last of one name. Not recursive: a body may nest as deep as it is long. */
function membersKept(document: unknown): number {
  let members = 0;
  const pending = [document];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value !== 'object' || value === null) continue;
    const children = Array.isArray(value) ? value : Object.values(value);
    if (children !== value) members += children.length;
    for (const child of children) if (typeof child === 'object') pending.push(child);
  }
  return members;
}
