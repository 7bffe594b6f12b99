/** Raw header fields under lower-case names; repeated ones joined by `, `, cookies by `; ` (RFC 9110 section 5.3, RFC 9113 section 8.2.3). */
export function foldRequestHeaders(rawHeaders: readonly string[]): Record<string, string> {
  const folded: Record<string, string> = Object.create(null);
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    const value = rawHeaders[index + 1]!;
    const before = folded[name];
    folded[name] = before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return folded;
}
