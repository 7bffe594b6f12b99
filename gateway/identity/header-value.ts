const upperA = 65;
const upperZ = 90;
const toLower = 32;

/**
 * A field's value in a raw list `[name, value, name, value, …]` by its lower-case name; repeated fields are joined by `, `, cookies by `; `
 * (RFC 9110 section 5.3, RFC 9113 section 8.2.3).
 *
 * Optimization: the list is searched each time. A request is asked for a few of its fields; making a record of all of them costs ten times as
 * much as the searches do.
 */
export function headerValue(raw: readonly string[], lowerName: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    if (!isNamed(raw[index]!, lowerName)) continue;
    const value = raw[index + 1]!;
    found = found === undefined ? value : `${found}${lowerName === 'cookie' ? '; ' : ', '}${value}`;
  }
  return found;
}

/** Whether a field name is this one, given in lower case. Field names are ASCII (RFC 9110 section 5.1). */
export function isNamed(name: string, lowerName: string): boolean {
  if (name.length !== lowerName.length) return false;
  for (let index = 0; index < name.length; index += 1) {
    const code = name.charCodeAt(index);
    const lower = code >= upperA && code <= upperZ ? code | toLower : code;
    if (lower !== lowerName.charCodeAt(index)) return false;
  }
  return true;
}
