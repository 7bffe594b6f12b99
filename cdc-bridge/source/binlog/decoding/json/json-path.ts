/** One step into a document: the key of an object, or a place in an array, counted from its start or from its last element. */
export type PathLeg = { readonly key: string } | { readonly index: number } | { readonly fromLast: number };

const leg =
  /\.(?<quoted>"(?:[^"\\]|\\.)*")|\.(?<plain>[^.["\s]+)|\[\s*(?:(?<index>\d{1,10})|last(?:\s*-\s*(?<fromLast>\d{1,10}))?)\s*\]/gy;

/** Reads `$.a[0]."b c"[last-1]`, the paths that a diff of MySQL's JSON names. Throws a RangeError. */
export function parseJsonPath(text: string): PathLeg[] {
  const legs: PathLeg[] = [];
  let at = 1;
  for (; text.startsWith('$') && at < text.length; ) {
    leg.lastIndex = at;
    const match = leg.exec(text);
    if (!match) break;
    legs.push(legOf(match.groups!));
    at = leg.lastIndex;
  }
  if (!text.startsWith('$') || at < text.length)
    throw new RangeError(`JSON path: found ${JSON.stringify(text.slice(0, 200))}, expected one such as $.a[0]`);
  return legs;
}

function legOf({ quoted, plain, index, fromLast }: Readonly<Record<string, string | undefined>>): PathLeg {
  if (quoted !== undefined) return { key: unquoted(quoted) };
  if (plain !== undefined) return { key: plain };
  return index === undefined ? { fromLast: Number(fromLast ?? 0) } : { index: Number(index) };
}

function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch (cause) {
    throw new RangeError(`JSON path: the key ${text.slice(0, 200)} cannot be read`, { cause });
  }
}
