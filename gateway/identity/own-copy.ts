/**
 * The same text in one piece of its own. One that was cut out of a request's head keeps the whole head in memory as long as it lives, and one
 * that was put together of pieces is put together again wherever it is written.
 */
export function ownCopy(text: string): string {
  const copy = Buffer.from(text, 'latin1').toString('latin1');
  // UTF-8 could not keep half a surrogate, and two names that differ in it would become one.
  return copy === text ? copy : Buffer.from(text, 'utf16le').toString('utf16le');
}
