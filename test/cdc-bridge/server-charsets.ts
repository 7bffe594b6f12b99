import type { Connection, RowDataPacket } from 'mysql2/promise';

/** All sequences of that many bytes that may be one character: any byte, a pair that begins above 0x7f, the same behind 0x8f. */
export function allSequences(length: number): number[] {
  if (length === 1) return Array.from({ length: 256 }, (_, byte) => byte);
  return Array.from({ length: 0x8000 }, (_, pair) => (length === 3 ? 0x8f0000 : 0) + 0x8000 + pair);
}

/** Sequence of bytes → code point, for those that are one character to this server. */
export async function charactersOfServer(
  connection: Connection,
  charset: string,
  length: number,
): Promise<Map<number, number>> {
  const digits = `WITH d AS (${[...'0123456789ABCDEF'].map((digit) => `SELECT '${digit}' AS x`).join(' UNION ALL ')})`;
  const hex = length === 1 ? 'a.x, b.x' : `${length === 3 ? "'8F', " : ''}a.x, b.x, c.x, e.x`;
  const [rows] = await connection.query<RowDataPacket[]>(
    `${digits} SELECT h, HEX(CONVERT(CONVERT(UNHEX(h) USING ${charset}) USING utf32)) AS code FROM
      (SELECT CONCAT(${hex}) AS h FROM d a, d b${length === 1 ? '' : ", d c, d e WHERE a.x >= '8'"}) AS sequences`,
  );
  const found = new Map<number, number>();
  for (const { h, code } of rows) {
    // `?` is how a server says that there is no such character.
    if (code?.length === 8 && (code !== '0000003F' || h === '3F'))
      found.set(Number.parseInt(h, 16), Number.parseInt(code, 16));
  }
  return found;
}
