import { deflateSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Unreadable } from '../../cdc-bridge/mapping/row-change.ts';
import { shortestFloat } from '../../cdc-bridge/source/binlog/decoding/cells/numbers.ts';
import { TableDecoders } from '../../cdc-bridge/source/binlog/decoding/table-decoders.ts';
import { type ColumnHint, noHints, type TableHints } from '../../cdc-bridge/source/binlog/decoding/table-hints.ts';
import { StaleHints } from '../../cdc-bridge/source/binlog/decoding/undecodable.ts';
import { declaredMembers } from '../../cdc-bridge/source/catalogue.ts';
import { insertBody, tableMapBody, type WrittenColumn } from './table-map.ts';

const insert = 23;

/** Decodes one value of a column. */
function cell(column: WrittenColumn, value: Buffer | null) {
  return rows([column], [[value]])[0]!.after!.c0;
}

function rows(columns: readonly WrittenColumn[], values: readonly (readonly (Buffer | null)[])[]) {
  return new TableDecoders(noHints, 'mariadb').for(tableMapBody(columns)).rows(insert, insertBody(values));
}

const littleEndian = (value: bigint, bytes: number) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt.asUintN(64, value));
  return buffer.subarray(0, bytes);
};

describe('values that are encoded here come back', () => {
  it('as whole numbers of every size', () => {
    for (const [type, bytes] of [
      [1, 1],
      [2, 2],
      [9, 3],
      [3, 4],
      [8, 8],
    ] as const) {
      const bits = BigInt(bytes * 8);
      fc.assert(
        fc.property(fc.bigInt({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n }), (value) => {
          expect(String(cell({ type }, littleEndian(value, bytes)))).toBe(String(value));
        }),
      );
      fc.assert(
        fc.property(fc.bigInt({ min: 0n, max: 2n ** bits - 1n }), (value) => {
          expect(String(cell({ type, unsigned: true }, littleEndian(value, bytes)))).toBe(String(value));
        }),
      );
    }
  });

  it('as floats, in the fewest digits that are the same float', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const bytes = Buffer.alloc(4);
        bytes.writeFloatLE(value);
        const told = cell({ type: 4, metadata: [4] }, bytes) as number;
        expect(Math.fround(told)).toBe(value);
        expect(String(told).length).toBeLessThanOrEqual(String(Number(value.toPrecision(9))).length);
      }),
    );
    expect([1.1, 16777216, 0.1, 1e-45, 3.4028235e38].map((value) => shortestFloat(Math.fround(value)))).toEqual([
      1.1, 16777216, 0.1, 1e-45, 3.4028235e38,
    ]);
  });

  it('as decimals of every precision and scale', () => {
    const decimal = fc
      .tuple(fc.integer({ min: 1, max: 65 }), fc.integer({ min: 0, max: 30 }), fc.boolean())
      .filter(([precision, scale]) => scale <= precision)
      .chain(([precision, scale, negative]) =>
        fc
          .string({ unit: fc.constantFrom(...'0123456789'), minLength: precision, maxLength: precision })
          .map((digits) => ({ precision, scale, negative: negative && /[1-9]/.test(digits), digits })),
      );
    fc.assert(
      fc.property(decimal, ({ precision, scale, negative, digits }) => {
        const whole = digits.slice(0, precision - scale).replace(/^0+/, '') || '0';
        const expected = `${negative ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(precision - scale)}` : ''}`;
        expect(cell({ type: 246, metadata: [precision, scale] }, decimalBytes(digits, scale, negative))).toBe(expected);
      }),
    );
  });

  it('as text of UTF-8, whatever its length', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 300 }), { minLength: 1, maxLength: 5 }),
        (texts) => {
          const bytes = texts.map((text) => Buffer.from(text));
          const values = bytes.map((value) => [Buffer.concat([littleEndian(BigInt(value.length), 2), value])]);
          const found = rows([{ type: 252, metadata: [2], collation: 45 }], values);
          expect(found.map(({ after }) => after!.c0)).toEqual(texts);
        },
      ),
    );
  });

  it('as bytes and NULL among other columns', () => {
    const row = fc.tuple(
      fc.option(fc.uint8Array({ maxLength: 20 })),
      fc.option(fc.integer({ min: -128, max: 127 })),
      fc.option(fc.uint8Array({ maxLength: 20 })),
    );
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), (written) => {
        const counted = (bytes: Uint8Array | null) => bytes && Buffer.concat([Buffer.of(bytes.length), bytes]);
        const values = written.map(([one, two, three]) => [
          counted(one),
          two === null ? null : Buffer.of(two & 255),
          counted(three),
        ]);
        const found = rows([{ type: 15, metadata: [20, 0] }, { type: 1 }, { type: 15, metadata: [20, 0] }], values);
        const base64 = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString('base64');
        expect(found.map(({ after }) => ({ ...after }))).toEqual(
          written.map(([c0, c1, c2]) => ({ c0: base64(c0), c1, c2: base64(c2) })),
        );
      }),
    );
  });
});

/** As the server packs it: groups of nine digits in four bytes, the rest in as many as they need. */
function decimalBytes(digits: string, scale: number, negative: boolean): Buffer {
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale);
  const groups = [
    ...(whole.length % 9 ? [whole.slice(0, whole.length % 9)] : []),
    ...(whole.slice(whole.length % 9).match(/.{9}/g) ?? []),
    ...(fraction.match(/.{1,9}/g) ?? []),
  ];
  const bytes = Buffer.concat(
    groups.map((group) => {
      const part = Buffer.alloc([0, 1, 1, 2, 2, 3, 3, 4, 4, 4][group.length]!);
      part.writeUIntBE(Number(group), 0, part.length);
      return part;
    }),
  );
  if (negative) for (let at = 0; at < bytes.length; at += 1) bytes[at]! ^= 0xff;
  bytes[0]! ^= 0x80;
  return bytes;
}

describe('what cannot be told exactly is unreadable, never a guess', () => {
  const text = (collation: number, ...bytes: number[]) =>
    cell({ type: 15, metadata: [100, 0], collation }, Buffer.of(bytes.length, ...bytes));

  it('in text whose bytes are not of its character set', () => {
    for (const found of [
      text(45, 0xff),
      text(45, 0xed, 0xa0, 0x80),
      text(45, 0xc3),
      text(54, 0xd8, 0x00),
      text(60, 0, 0x11, 0, 0),
      text(13, 0x81),
      text(51, 0x98),
    ])
      expect(found).toBeInstanceOf(Unreadable);
    expect(text(45, 0xef, 0xbf, 0xbd)).toBe('\ufffd');
  });

  it('in numbers that no server stores, and members that there are none of', () => {
    expect(cell({ type: 5, metadata: [8] }, Buffer.from('000000000000f07f', 'hex'))).toBeInstanceOf(Unreadable);
    expect(cell({ type: 4, metadata: [4] }, Buffer.from('0000c07f', 'hex'))).toBeInstanceOf(Unreadable);
    expect(cell({ type: 254, metadata: [247, 1], members: ['a'] }, Buffer.of(2))).toBeInstanceOf(Unreadable);
    expect(cell({ type: 254, metadata: [247, 1], members: ['a'] }, Buffer.of(0))).toBe('');
    expect(cell({ type: 254, metadata: [248, 1], members: ['a', 'b'] }, Buffer.of(7))).toBeInstanceOf(Unreadable);
  });

  it('in JSON documents and compressed values that are damaged', () => {
    expect(cell({ type: 245, metadata: [1] }, Buffer.from([3, 0, 9, 9]))).toBeInstanceOf(Unreadable);
    const bomb = Buffer.concat([Buffer.from([0x81, 10]), deflateSync(Buffer.alloc(1_000_000))]);
    expect(inflateSync(bomb.subarray(2)).length).toBe(1_000_000);
    const value = Buffer.concat([littleEndian(BigInt(bomb.length), 2), bomb]);
    expect(cell({ type: 140, metadata: [2] }, value)).toBeInstanceOf(Unreadable);
  });
});

describe('column names', () => {
  const names = ['"];process.exit()//', '__proto__', 'constructor', "';throw 1;'", '\u2028`${1}`', 'v0', 'b'];
  it('are data, whatever they look like', () => {
    const [row] = rows(
      names.map((name) => ({ type: 1, name })),
      [names.map((_, index) => Buffer.of(index))],
    );
    expect(Object.entries(row!.after!)).toEqual(names.map((name, index) => [name, index]));
  });

  it('that a row does not have are undefined, those of Object too', () => {
    const after = rows([{ type: 1, name: 'a' }], [[Buffer.of(1)]])[0]!.after!;
    expect([after.constructor, after.toString, Reflect.get(after, '__proto__')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const [before] = rows([{ type: 1, name: '__proto__' }], [[null]]);
    expect(Object.entries(before!.after!)).toEqual([['__proto__', null]]);
  });

  it('that come twice are refused', () => {
    const twice = [
      { type: 1, name: 'a' },
      { type: 1, name: 'a' },
    ];
    expect(() => new TableDecoders(noHints, 'mariadb').for(tableMapBody(twice))).toThrow(/two columns called a/);
  });
});

describe('hints', () => {
  const uuid = { ...({} as ColumnHint), name: 'c0', dataType: 'uuid', columnType: 'uuid', address: 'uuid' as const };
  const map = tableMapBody([{ type: 254, metadata: [254, 16] }]);
  const row = insertBody([[Buffer.from([2, 0xab, 0xcd])]]);

  it('are asked anew once, and then the bytes that may be a UUID stay unreadable', () => {
    const decoders = new TableDecoders({ ...noHints, knowsAddresses: true }, 'mariadb');
    expect(() => decoders.for(map)).toThrow(StaleHints);
    expect(decoders.for(map).rows(insert, row)[0]!.after!.c0).toBeInstanceOf(Unreadable);
  });

  it('that were loaded anew make decoders anew', () => {
    const hints = { knowsAddresses: true, generation: 1, of: (): readonly ColumnHint[] | undefined => undefined };
    const decoders = new TableDecoders(hints satisfies TableHints, 'mariadb');
    expect(() => decoders.for(map)).toThrow(StaleHints);
    Object.assign(hints, { generation: 2, of: () => [uuid] });
    expect(decoders.for(map).rows(insert, row)[0]!.after!.c0).toBe('abcd0000-0000-0000-0000-000000000000');
    Object.assign(hints, { generation: 3, of: () => [{ ...uuid, dataType: 'binary', address: undefined }] });
    expect(decoders.for(map).rows(insert, row)[0]!.after!.c0).toBe(
      Buffer.from(`abcd${'00'.repeat(14)}`, 'hex').toString('base64'),
    );
  });

  it('have members as the servers write them', () => {
    expect(declaredMembers("enum('a,b','it''s','back\\\\slash','line\\nend','')")).toEqual([
      'a,b',
      "it's",
      'back\\slash',
      'line\nend',
      '',
    ]);
  });
});
