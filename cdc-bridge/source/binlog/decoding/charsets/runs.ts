/** One run of charset tables: sequences of bytes `first` to `last` are the code points from `code` on, or no character where it is undefined. */
export interface Run {
  readonly first: number;
  readonly last: number;
  readonly code: number | undefined;
}

/** Reads `a1c0=5c f5a1-f5fe=e000 ff=`; all numbers are hexadecimal. */
export function parseRuns(text: string): Run[] {
  return text.split(' ').flatMap((run) => {
    const match = /^([0-9a-f]+)(?:-([0-9a-f]+))?=([0-9a-f]*)$/.exec(run);
    if (!match) return [];
    const first = Number.parseInt(match[1]!, 16);
    const last = match[2] === undefined ? first : Number.parseInt(match[2], 16);
    return [{ first, last, code: match[3] === '' ? undefined : Number.parseInt(match[3]!, 16) }];
  });
}
