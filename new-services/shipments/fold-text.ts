/** Letters that the collation takes for others without an accent being involved. */
const sameAs: Readonly<Record<string, string>> = { ß: 's', ı: 'i', ς: 'σ' };

/** Where control characters go, which SQLite would cut a text at or take for a separator of ours: Unicode's private use area. */
const privateUse = 0xe000;

/**
 * Text without case and accents, for searching as the legacy collation `utf8mb4_general_ci` does: `Peña` is found by `pena`, `Øst` is not
 * found by `ost`. Checked against MariaDB 10.11 for Latin, Greek and Cyrillic; й, which the collation tells from и, is folded here too.
 */
export function foldText(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[ßıς]/g, (letter) => sameAs[letter] ?? letter)
    .replace(/\p{Cc}/gu, (control) => String.fromCharCode(privateUse + control.charCodeAt(0)));
}
