import { setTimeout as delay } from 'node:timers/promises';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { RecordedEvent } from '../../contract/recorded-event.ts';

/**
 * Rows whose key is an ENUM that does not sort by its text and a word in a collation that tells neither case nor accents apart: changed, moved to
 * other keys and deleted at random, each change raising `n`, so that a history with a gap or a repeat contradicts itself.
 */
export const wordsTable = `CREATE TABLE words (kind ENUM('verb', 'noun', 'adjective') NOT NULL,
  word VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL, n INT NOT NULL, PRIMARY KEY (kind, word))`;

export const wordsMapping = `
tables:
  words:
    key: [kind, word]
    stream: "word-{kind}-{word}"
    events:
      word-imported: {op: r, data: {n: n}}
      word-added: {op: c, data: {n: n}}
      word-changed: {op: u, data: {n: n, was: before.n}}
      word-removed: {op: d, data: {n: n}}`;

const kinds = ['verb', 'noun', 'adjective'];
const letters = ['a', 'Ä', 'b', 'É', 'e', 'ß', 'z', 'Z'];

export function wordAt(index: number): [kind: string, word: string] {
  return [kinds[index % 3]!, `${letters[index % 8]}${Math.floor(index / 24)}`];
}

export async function changeWords(
  connection: Connection,
  random: () => number,
  rows: number,
  isWanted: () => boolean,
  restMs: number,
): Promise<void> {
  const anyWord = () => wordAt(Math.floor(random() * rows));
  while (isWanted()) {
    const dice = random();
    if (dice < 0.2) await connection.query('INSERT IGNORE INTO words VALUES (?, ?, 0)', anyWord());
    else if (dice < 0.35) await connection.query('DELETE FROM words WHERE kind = ? AND word = ?', anyWord());
    else if (dice < 0.5) {
      const values = [...anyWord(), ...anyWord()];
      await connection.query<ResultSetHeader>(
        'UPDATE IGNORE words SET kind = ?, word = ?, n = n + 1 WHERE kind = ? AND word = ?',
        values,
      );
    } else await connection.query('UPDATE words SET n = n + 1 WHERE kind = ? AND word = ?', anyWord());
    await delay(restMs);
  }
}

export async function wordsInTable(connection: Connection): Promise<Map<string, number>> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT kind, word, n FROM words');
  return new Map(rows.map(({ kind, word, n }) => [`word-${kind}-${word}`, n]));
}

/** Replays events strictly: what is there at the end, and every contradiction on the way. */
export function replayWords(events: readonly RecordedEvent[]): {
  words: Map<string, number>;
  contradictions: string[];
} {
  const words = new Map<string, number>();
  const contradictions: string[] = [];
  for (const { action, data, meta } of events) {
    const found = words.get(meta.stream);
    const expected = { 'word-changed': data.was, 'word-removed': data.n }[action];
    if (found !== expected)
      contradictions.push(`${meta.stream} v${meta.version} ${action}: found ${found}, it says ${expected}`);
    if (action === 'word-removed') words.delete(meta.stream);
    else words.set(meta.stream, Number(data.n));
  }
  return { words, contradictions };
}
