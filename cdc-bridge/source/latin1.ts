/** A column as the library describes it; it decodes by `charset`. */
interface Column {
  charset: string | null;
}

/**
 * MySQL's latin1 is Windows-1252 with the control characters where that has none (0x81, 0x8D, 0x8F, 0x90, 0x9D), so UTF-8 that an application wrote
 * into a latin1 column survives. The library's decoder gives U+FFFD for those five: it is told another name, under which it gives each byte as
 * the code point of the same number.
 */
const byteForByte = 'iso88591';

/** What stands at 0x80 to 0x9F. https://dev.mysql.com/doc/refman/8.4/en/charset-we-sets.html */
const upperControls = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** To be called with the columns of a table before its rows are read. */
export function keepLatin1Bytes(columns: readonly Column[] | undefined): void {
  for (const column of columns ?? []) if (column.charset === 'latin1') column.charset = byteForByte;
}

/** A value of such a column as the text that SELECT shows; any other value as it is. */
export function latin1Text({ charset }: Column, value: unknown): unknown {
  if (charset !== byteForByte || typeof value !== 'string') return value;
  return value.replace(/[\x80-\x9f]/g, (byte) => upperControls[byte.charCodeAt(0) - 0x80]!);
}
