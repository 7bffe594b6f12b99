/** Calls `visit` with each field of a raw list `[name, value, name, value, …]`, the name also in lower case. */
export function eachField(raw: readonly string[], visit: (name: string, value: string, lower: string) => void): void {
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    visit(name, raw[index + 1]!, name.toLowerCase());
  }
}

/** Fields that are about one connection only (RFC 9110 section 7.6.1), and those that proxies answer themselves. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Whether a name, in lower case, is of a field that is about one connection only, whatever Connection says. */
export function isHopByHop(lower: string): boolean {
  return hopByHop.has(lower);
}

/**
 * A test for the names, in lower case, that must not be passed on: hop-by-hop fields and those which Connection names. It is made from what
 * was received, before any field of our own is added: else a client's `Connection: x-forwarded-for` would delete ours.
 */
export function hopByHopNames(raw: readonly string[]): (lower: string) => boolean {
  const named = new Set<string>();
  eachField(raw, (_, value, lower) => {
    if (lower !== 'connection') return;
    for (const option of value.split(',')) named.add(option.trim().toLowerCase());
  });
  return (lower) => hopByHop.has(lower) || named.has(lower);
}

/** Values of a field in a raw list, in order. */
export function valuesOf(raw: readonly string[], lowerName: string): string[] {
  const values: string[] = [];
  eachField(raw, (_, value, lower) => {
    if (lower === lowerName) values.push(value);
  });
  return values;
}
