import type { Connection } from 'mysql2/promise';
import { expect, it } from 'vitest';
import { Unreadable } from '../../cdc-bridge/mapping/row-change.ts';
import { charsetOfCollation } from '../../cdc-bridge/source/binlog/decoding/charsets/collations.ts';
import { textDecoder } from '../../cdc-bridge/source/binlog/decoding/charsets/text-decoder.ts';
import { onBothServers } from './legacy.ts';
import { allSequences, charactersOfServer } from './server-charsets.ts';

/** Sequences of that length that our decoder and the server do not make the same character of. */
async function differences(connection: Connection, charset: string, length: number): Promise<object[]> {
  const decode = textDecoder(charset)!;
  const ofServer = await charactersOfServer(connection, charset, length);
  const isCharacter = (byte: number) => typeof decode(Buffer.of(byte), 0, 1) === 'string';
  return allSequences(length)
    .filter((sequence) => length !== 2 || !isCharacter(sequence >> 8))
    .flatMap((sequence) => {
      const bytes = Buffer.alloc(length);
      bytes.writeUIntBE(sequence, 0, length);
      const found = decode(bytes, 0, length);
      const code = ofServer.get(sequence);
      const expected = code === undefined ? undefined : String.fromCodePoint(code);
      const same = expected === undefined ? found instanceof Unreadable : found === expected;
      return same ? [] : [{ bytes: bytes.toString('hex'), found, expected }];
    });
}

onBothServers((create) => {
  it('every byte and every pair of bytes of every character set is the character that the server makes of it, or unreadable', async () => {
    const legacy = await create();
    try {
      const charsets = await legacy.run(
        'SELECT CHARACTER_SET_NAME AS name, MAXLEN AS longest FROM information_schema.CHARACTER_SETS',
      );
      expect(charsets.length).toBeGreaterThan(38);
      for (const { name, longest } of charsets) {
        if (/^(utf|ucs|binary)/.test(name)) continue;
        const lengths = longest === 1 ? [1] : longest === 3 ? [1, 2, 3] : [1, 2];
        for (const length of lengths)
          expect({ name, differences: await differences(legacy.connection, name, length) }).toEqual({
            name,
            differences: [],
          });
      }
    } finally {
      await legacy.drop();
    }
  });

  it('every collation is known by its number', async () => {
    const legacy = await create();
    try {
      const table = legacy.flavour === 'mariadb' ? 'COLLATION_CHARACTER_SET_APPLICABILITY' : 'COLLATIONS';
      const collations = await legacy.run(
        `SELECT ID AS id, CHARACTER_SET_NAME AS charset FROM information_schema.${table} WHERE ID IS NOT NULL`,
      );
      expect(collations.length).toBeGreaterThan(280);
      for (const { id, charset } of collations) expect([id, charsetOfCollation(Number(id))]).toEqual([id, charset]);
    } finally {
      await legacy.drop();
    }
  });
});
