/** The reference tokens of a JSON Pointer, unescaped: `/receiver/a~1b` → `['receiver', 'a/b']` (RFC 6901 section 3 and 4). */
export type JsonPointer = readonly string[];

/** Reads a pointer. Throws a RangeError that says what was found and what was expected. */
export function parseJsonPointer(text: string): JsonPointer {
  if (!text.startsWith('/') || /~(?![01])/.test(text)) {
    throw new RangeError(
      `found ${JSON.stringify(text)}, expected a JSON Pointer such as /receiver/country, with ~0 for "~" and ~1 for "/"`,
    );
  }
  return text
    .slice(1)
    .split('/')
    .map((token) => token.replace(/~1/g, '/').replace(/~0/g, '~'));
}

/** What stands at a pointer in a parsed document; undefined when nothing does. Looks at a document's own members only. */
export function valueAtPointer(document: unknown, pointer: JsonPointer): unknown {
  let value = document;
  for (const token of pointer) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value) && !/^(?:0|[1-9]\d*)$/.test(token)) return undefined;
    if (!Object.hasOwn(value, token)) return undefined;
    value = (value as Record<string, unknown>)[token];
  }
  return value;
}
