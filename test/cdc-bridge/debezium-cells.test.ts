import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Unreadable } from '../../cdc-bridge/mapping/row-change.ts';
import { decodeCell } from '../../cdc-bridge/source/debezium/cells.ts';
import { describedType, readColumnType } from '../../cdc-bridge/source/debezium/column-type.ts';
import { type Encodings, encodingOf } from '../../cdc-bridge/source/debezium/encodings.ts';
import { parseExactJson } from '../../cdc-bridge/source/debezium/exact-json.ts';

const common: Required<Encodings> = {
  decimal: 'string',
  time: 'adaptive_time_microseconds',
  bigintUnsigned: 'long',
  binary: 'base64',
};

/** The cell of a value, written as JSON by a connector with these settings. */
function cell(columnType: string, json: string, settings: Partial<Encodings> = {}, nullable = true) {
  const type = readColumnType(columnType, nullable);
  const encoding = encodingOf(type, undefined, { ...common, ...settings });
  if (typeof encoding === 'string') throw new Error(`no encoding for ${encoding}`);
  return decodeCell(parseExactJson(json), type, encoding);
}

describe('numbers of a message', () => {
  it('are exact, however long, and nothing in a text is taken for one', () => {
    expect(
      parseExactJson(
        '{"a":9007199254740993,"b":-1795283735000000000,"c":"x 12345678901234567890 \\" y","d":0.12345678901234567}',
      ),
    ).toEqual({
      a: '9007199254740993',
      b: '-1795283735000000000',
      c: 'x 12345678901234567890 " y',
      d: 0.12345678901234566,
    });
  });

  it('change nothing else: any document reads as JSON.parse reads it', () => {
    const safe = fc.json().filter((text) => !/\d{16}/.test(text));
    fc.assert(fc.property(safe, (text) => void expect(parseExactJson(text)).toEqual(JSON.parse(text))));
  });

  it('are exact next to any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (text, number) => {
        const read = parseExactJson(`{"t":${JSON.stringify(text)},"n":${number}}`) as { t: string; n: number | string };
        expect([read.t, String(read.n)]).toEqual([
          text,
          String(Number.isSafeInteger(Number(number)) ? Number(number) : number),
        ]);
      }),
    );
  });
});

describe('a value as Debezium wrote it', () => {
  it.each<[string, string, Partial<Encodings>, unknown]>([
    ['bigint(20) unsigned', '-1', {}, '18446744073709551615'],
    ['bigint(20) unsigned', '"AP//////////"', { bigintUnsigned: 'precise' }, '18446744073709551615'],
    ['bigint(20)', '-9223372036854775808', {}, '-9223372036854775808'],
    ['decimal(20,4)', '"1234567890123456.7891"', {}, '1234567890123456.7891'],
    ['decimal(20,4)', '"/w=="', { decimal: 'precise' }, '-0.0001'],
    ['decimal(65,30)', '"0E-30"', {}, '0.000000000000000000000000000000'],
    ['decimal(10,2)', '10.5', { decimal: 'double' }, '10.50'],
    ['decimal(10,0)', '"Bw=="', { decimal: 'precise' }, '7'],
    ['date', '19782', {}, '2024-02-29'],
    ['date', '-719162', {}, '0001-01-01'],
    ['date', '"2024-02-29Z"', { time: 'isostring' }, '2024-02-29'],
    ['datetime', '1709251199000', {}, '2024-02-29 23:59:59'],
    ['datetime(3)', '1709251199120', {}, '2024-02-29 23:59:59.120'],
    ['datetime(6)', '253402300799999999', {}, '9999-12-31 23:59:59.999999'],
    ['datetime(6)', '-1', {}, '1969-12-31 23:59:59.999999'],
    ['datetime(2)', '"2024-02-29T23:59:59.1Z"', { time: 'isostring' }, '2024-02-29 23:59:59.10'],
    ['timestamp', '"2024-02-29T23:59:59Z"', {}, '2024-02-29 23:59:59'],
    ['timestamp(6)', '"2024-02-29T23:59:59.000001Z"', {}, '2024-02-29 23:59:59.000001'],
    ['timestamp(3)', '"1970-01-01T00:00:00Z"', {}, '0000-00-00 00:00:00.000'],
    ['time', '-3600000000', {}, '-01:00:00'],
    ['time(6)', '3020399500000', {}, '838:59:59.500000'],
    ['time', '86399000', { time: 'connect' }, '23:59:59'],
    ['time(6)', '86399000000', { time: 'adaptive' }, '23:59:59.000000'],
    ['year(4)', '1900', {}, 0],
    ['year(4)', '2024', {}, 2024],
    ['bit(1)', 'true', {}, 1],
    ['bit(10)', '"AQI="', {}, 513],
    ['bit(64)', '"//////////8="', {}, '18446744073709551615'],
    ['tinyint(1)', 'true', {}, 1],
    ['float', '0.10000000149011612', {}, 0.1],
    ['double', '0.1', {}, 0.1],
    ["enum('a','b,c')", '"b\\\\,c"', {}, 'b,c'],
    ["enum('a','b,c')", '"b,c"', {}, 'b,c'],
    ["enum('a','d''e')", '"d\'e"', {}, "d'e"],
    ['varbinary(20)', '"ff00"', { binary: 'hex' }, '/wA='],
    ['varbinary(20)', '"_wA"', { binary: 'base64-url-safe' }, '/wA='],
    ['blob', '"/wA="', { binary: 'bytes' }, '/wA='],
    ['point', '{"x":1.0,"y":2.0,"wkb":"AQEA","srid":4326}', {}, { srid: 4326, wkb: 'AQEA' }],
    ['json', '"{\\"a\\": 1.0}"', {}, '{"a": 1.0}'],
    ['varchar(5)', 'null', {}, null],
  ])('%s %s under %j is %j', (type, json, settings, expected) => {
    expect(cell(type, json, settings)).toEqual(expected);
  });

  it.each<[string, string, Partial<Encodings>, boolean]>([
    ['date', '0', {}, false],
    ['datetime', '0', {}, false],
    ['datetime(6)', '1709251199123', { time: 'connect' }, true],
    ['datetime', '1709251199000000000', { time: 'nanoseconds' }, true],
    ['decimal(20,4)', '1234567890123456.7', { decimal: 'double' }, true],
    ['decimal(20,4)', '"/w=="', { decimal: 'string' }, true],
    ['uuid', '"0000123e-4567-e89b-12d3-a45642665544"', {}, true],
    ["enum('a')", '"b"', {}, true],
    ['varbinary(20)', '"no base64!"', {}, true],
    ['int(11)', '"x"', {}, true],
  ])('%s %s under %j is said to be unreadable, not guessed', (type, json, settings, nullable) => {
    expect(cell(type, json, settings, nullable)).toBeInstanceOf(Unreadable);
  });

  it('is read alike in every way of writing a DECIMAL or a time', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
        fc.integer({ min: 0, max: 10 }),
        (unscaled, scale) => {
          const type = `decimal(40,${scale})`;
          const bytes = twosComplement(unscaled).toString('base64');
          const precise = cell(type, JSON.stringify(bytes), { decimal: 'precise' });
          expect(cell(type, JSON.stringify(precise))).toBe(precise);
          expect(BigInt(String(precise).replace('.', ''))).toBe(unscaled);
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }),
        fc.integer({ min: 0, max: 999_999 }),
        (seconds, micros) => {
          const since = BigInt(seconds) * 1_000_000n + BigInt(micros);
          const iso = `${new Date(seconds * 1_000).toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}Z`;
          const expected = iso.replace('T', ' ').replace('Z', '');
          expect(cell('datetime(6)', String(since), { time: 'microseconds' })).toBe(expected);
          expect(cell('datetime(6)', JSON.stringify(iso), { time: 'isostring' })).toBe(expected);
        },
      ),
    );
  });
});

describe('how a value is written', () => {
  it('is asked for where neither schema nor configuration tells it', () => {
    expect(encodingOf(readColumnType('decimal(10,2)', true), undefined, {})).toBe('decimal');
    expect(encodingOf(readColumnType('datetime', true), undefined, {})).toBe('time');
    expect(encodingOf(readColumnType('blob', true), { type: 'string' }, {})).toBe('binary');
    expect(encodingOf(readColumnType('int(11)', true), undefined, {})).toEqual({ kind: 'plain' });
  });

  it('is told by the schema of the message before the configuration', () => {
    const decimal = { type: 'bytes', name: 'org.apache.kafka.connect.data.Decimal' };
    expect(encodingOf(readColumnType('decimal(10,2)', true), decimal, common)).toEqual({
      kind: 'decimal',
      mode: 'precise',
    });
    const nanos = { type: 'int64', name: 'io.debezium.time.NanoTimestamp' };
    expect(encodingOf(readColumnType('datetime', true), nanos, common)).toEqual({ kind: 'time', unit: 'nanoseconds' });
  });

  it('follows from a column as Debezium describes it as it does from information_schema', () => {
    const described = (
      typeName: string,
      length: number | null,
      scale: number | null,
      enumValues: string[] | null = null,
    ) => describedType({ name: 'x', typeName, length, scale, optional: true, enumValues });
    expect(described('BIGINT UNSIGNED', 20, null)).toEqual(readColumnType('bigint(20) unsigned', true));
    expect(described('DECIMAL', 20, 4)).toEqual(readColumnType('decimal(20,4)', true));
    expect(described('DATETIME', 3, null)).toEqual(readColumnType('datetime(3)', true));
    expect(described('ENUM', 1, null, ["'a'", "'b,c'", "'d''e'"]).members).toEqual(['a', 'b,c', "d'e"]);
  });
});

function twosComplement(value: bigint): Buffer {
  let bytes = 1;
  while (BigInt.asIntN(bytes * 8, value) !== value) bytes += 1;
  return Buffer.from(
    BigInt.asUintN(bytes * 8, value)
      .toString(16)
      .padStart(bytes * 2, '0'),
    'hex',
  );
}
