/**
 * Header fields as an Observation has them, from `[name, value, name, value, …]`: lower-case names, repeated fields joined by `, `,
 * set-cookie by newline (its values contain commas).
 */
export function foldHeaders(rawHeaders: readonly string[]): Record<string, string> {
  const folded: Record<string, string> = Object.create(null);
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    const value = rawHeaders[index + 1]!;
    const earlier = folded[name];
    folded[name] = earlier === undefined ? value : earlier + (name === 'set-cookie' ? '\n' : ', ') + value;
  }
  return folded;
}
