import { collationIds } from './tables.ts';

const charsets = new Map<number, string>();
for (const [charset, ranges] of Object.entries(collationIds))
  for (const range of ranges.split(' ')) {
    const [first, last = first] = range.split('-').map(Number);
    for (let id = first!; id <= last!; id += 1) charsets.set(id, charset);
  }

/** The character set of a collation by its number, of MariaDB or MySQL; undefined for one that neither has. */
export function charsetOfCollation(id: number): string | undefined {
  return charsets.get(id);
}
