/**
 * Text without case and accents, for searching as the legacy collation `utf8mb4_general_ci` does: `Peña` is found by `pena`.
 * https://mariadb.com/kb/en/character-sets-and-collations/
 */
export function foldText(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
