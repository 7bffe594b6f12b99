import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cell } from '../../cdc-bridge/mapping/row-change.ts';
import { decodeCell } from '../../cdc-bridge/source/debezium/cells.ts';
import { type ColumnType, readColumnType } from '../../cdc-bridge/source/debezium/column-type.ts';
import { encodingOf, type ValueEncoding } from '../../cdc-bridge/source/debezium/encodings.ts';
import { parseExactJson } from '../../cdc-bridge/source/debezium/exact-json.ts';
import { type Legacy, onBothServers } from './legacy.ts';
import { catalogueOf, decodeEvents, eventsOf } from './written-rows.ts';

const wkb = (cell: Cell) => {
  const { srid, wkb } = cell as { srid: number; wkb: string };
  return `${srid} ${Buffer.from(wkb, 'base64').toString('hex').toUpperCase()}`;
};

/** How a cell is compared with what the server says of the column `c`. */
const asked = {
  /** As text, whatever SELECT shows. */
  shown: { sql: 'CONVERT(CAST(c AS CHAR) USING utf8mb4)', told: (cell: Cell) => (cell === null ? null : String(cell)) },
  text: { sql: 'CONVERT(c USING utf8mb4)', told: (cell: Cell) => cell },
  bytes: {
    sql: 'HEX(c)',
    told: (cell: Cell) =>
      cell === null
        ? null
        : Buffer.from(cell as string, 'base64')
            .toString('hex')
            .toUpperCase(),
  },
  number: { sql: 'CAST(c + 0 AS CHAR)', told: (cell: Cell) => (cell === null ? null : String(cell)) },
  float: { sql: 'CAST(c AS DOUBLE)', told: (cell: Cell) => (cell === null ? null : Math.fround(cell as number)) },
  geometry: { sql: "CONCAT(ST_SRID(c), ' ', HEX(ST_AsWKB(c)))", told: (cell: Cell) => wkb(cell) },
  vector: {
    sql: 'HEX(c)',
    told: (cell: Cell) =>
      Buffer.from(new Float32Array(cell as number[]).buffer)
        .toString('hex')
        .toUpperCase(),
  },
  double: { sql: 'c', told: (cell: Cell) => cell },
} as const;

type Case = readonly [type: string, how: keyof typeof asked, ...literals: string[]];

const temporal = (type: string, zero: string, literals: (fraction: string) => string[]): Case[] =>
  [0, 1, 2, 3, 4, 5, 6].map((digits) => {
    const fractions = ['', '.9', '.000001', '.123456', '.05', '.999999'].map((text) =>
      digits === 0 ? '' : text.slice(0, digits + 1),
    );
    return [
      `${type}(${digits}) NULL`,
      'shown',
      `'${zero}'`,
      ...[...new Set(fractions)].flatMap(literals).map((text) => `'${text}'`),
    ];
  });

const both: Case[] = [
  ['TINYINT', 'shown', '-128', '127', '0', '-1'],
  ['TINYINT UNSIGNED', 'shown', '255', '128'],
  ['SMALLINT', 'shown', '-32768', '32767', '-1'],
  ['SMALLINT UNSIGNED', 'shown', '65535'],
  ['MEDIUMINT', 'shown', '-8388608', '8388607', '-1'],
  ['MEDIUMINT UNSIGNED', 'shown', '16777215'],
  ['INT', 'shown', '-2147483648', '2147483647', '-1'],
  ['INT UNSIGNED', 'shown', '4294967295'],
  [
    'BIGINT',
    'shown',
    '-9223372036854775808',
    '9223372036854775807',
    '-9007199254740993',
    '9007199254740992',
    '-1',
    '9007199254740991',
  ],
  ['BIGINT UNSIGNED', 'shown', '18446744073709551615', '9007199254740993', '0'],
  [
    'DECIMAL(65,30)',
    'shown',
    '-99999999999999999999999999999999999.999999999999999999999999999999',
    '0.000000000000000000000000000001',
    '0',
    '-12.5',
  ],
  ['DECIMAL(10,2)', 'shown', '12.5', '-0.01', '99999999.99', '-99999999.99', '0'],
  ['DECIMAL(9,0)', 'shown', '999999999', '-1', '0'],
  ['DECIMAL(18,9)', 'shown', '123456789.000000001', '-100000000.1'],
  ['DECIMAL(5,5)', 'shown', '0.00001', '-0.99999'],
  ['DECIMAL(65,0)', 'shown', `-${'9'.repeat(65)}`, '1000000000'],
  ['DECIMAL(1,0) UNSIGNED', 'shown', '9'],
  ['FLOAT', 'float', '1.1', '-3.4028234e38', '1.1754944e-38', '1e-45', '16777216', '0.1', '123456.7', '3.14159274'],
  ['DOUBLE', 'double', '0.1', '-1.7976931348623157e308', '5e-324', '123456789.123456789', '-0.5'],
  ['BIT(1)', 'number', "b'1'", "b'0'"],
  ['BIT(12)', 'number', "b'101010101010'"],
  ['BIT(53)', 'number', '9007199254740991'],
  ['BIT(64)', 'number', '18446744073709551615', '9007199254740993'],
  ['YEAR', 'number', '1901', '2155', '2025', '0'],
  ['DATE', 'shown', "'0000-00-00'", "'2025-00-10'", "'0001-01-01'", "'9999-12-31'", "'2024-02-29'", "'2025-12-00'"],
  ...temporal('TIME', '00:00:00', (fraction) => [
    `12:34:56${fraction}`,
    `-00:00:00${fraction}`,
    `-01:00:00${fraction}`,
    `-838:59:58${fraction}`,
    `101:02:03${fraction}`,
    `-00:59:59${fraction}`,
  ]),
  ['TIME(6)', 'shown', "'838:59:59'", "'-838:59:59'", "'-00:00:00.000001'"],
  ...temporal('DATETIME', '0000-00-00 00:00:00', (fraction) => [
    `2025-12-24 23:59:58${fraction}`,
    `0001-01-01 00:00:00${fraction}`,
    `2025-00-00 01:02:03${fraction}`,
    `9999-12-31 23:59:58${fraction}`,
  ]),
  ...temporal('TIMESTAMP', '0000-00-00 00:00:00', (fraction) => [
    `2025-06-01 12:00:00${fraction}`,
    `1970-01-01 00:00:01${fraction}`,
    `2038-01-19 03:14:06${fraction}`,
  ]),
  ['CHAR(10) CHARACTER SET utf8mb4', 'text', "'padded   '", "''", "'日本🚚'"],
  ['CHAR(0)', 'text', "''"],
  ['CHAR(255) CHARACTER SET utf8mb4', 'text', "REPEAT('語', 255)"],
  ['CHAR(4) CHARACTER SET ucs2', 'text', "'ab日'"],
  ['CHAR(4) CHARACTER SET utf32', 'text', "'ab🚚'"],
  ['VARCHAR(10)', 'text', "''", "'tail  '"],
  ['VARCHAR(255) CHARACTER SET latin1', 'text', "X'808182838D8F909D9FC381'", "REPEAT('x', 255)"],
  ['VARCHAR(256) CHARACTER SET latin1', 'text', "'é'", "REPEAT('x', 256)"],
  ['VARCHAR(64) CHARACTER SET utf8mb4', 'text', "'🚚'", "REPEAT('é', 64)"],
  ['VARCHAR(20) CHARACTER SET utf16', 'text', "'a🚚'"],
  ['VARCHAR(20) CHARACTER SET utf16le', 'text', "'a🚚'"],
  ['VARCHAR(20) CHARACTER SET sjis', 'text', "'日本ｱ\\\\~'"],
  ['VARCHAR(20) CHARACTER SET cp1251', 'text', "'Привет'"],
  ['TINYTEXT', 'text', "'tiny'"],
  ['TEXT CHARACTER SET latin1', 'text', "X'E2809D81'", "REPEAT('y', 65535)"],
  ['MEDIUMTEXT', 'text', "REPEAT('日', 100000)"],
  ['LONGTEXT', 'text', "REPEAT('abc', 50000)", "''"],
  ['BINARY(4)', 'bytes', "X'01000000'", "X'00FF10'", "''", "X'00000000'"],
  ['BINARY(16)', 'bytes', "X'0102030405060708090A0B0C0D0E0F00'"],
  ['VARBINARY(300)', 'bytes', "X'00FF1000'", "''", "REPEAT(X'FF', 300)"],
  ['TINYBLOB', 'bytes', "X'00'"],
  ['BLOB', 'bytes', "X'FF00'"],
  ['MEDIUMBLOB', 'bytes', "REPEAT(X'FF', 70000)"],
  ['LONGBLOB', 'bytes', "''"],
  ["ENUM('a','b,c','d''e','x\\\\y','') CHARACTER SET utf8mb4", 'text', "'d''e'", "'b,c'", "'nonsense'", "'x\\\\y'"],
  ["ENUM('a','€Š') CHARACTER SET latin1", 'text', "'€Š'"],
  [`ENUM(${Array.from({ length: 300 }, (_, index) => `'m${index}'`).join(',')})`, 'text', "'m299'", "'m255'", "'m0'"],
  ["SET('x','y''','z') CHARACTER SET utf8mb4", 'text', "'x,z'", "''", "'y'''"],
  [`SET(${Array.from({ length: 64 }, (_, index) => `'s${index}'`).join(',')})`, 'text', "'s0,s31,s32,s63'", "'s63'"],
  ['VARCHAR(10)', 'text', 'NULL'],
  ['GEOMETRY', 'geometry', "ST_GeomFromText('LINESTRING(0 0, 1 2)', 0)"],
  ['POINT', 'geometry', "ST_GeomFromText('POINT(1 2)', 0)"],
];

const mariadb: Case[] = [
  [
    'UUID',
    'shown',
    "'00000000-0000-0000-0000-000000000000'",
    "'11223344-5566-1788-99aa-bbccddeeff00'",
    "'11223344-5566-7788-99aa-bbccddeeff00'",
  ],
  ['INET4', 'shown', "'0.0.0.0'", "'10.1.0.0'", "'255.255.255.255'"],
  [
    'INET6',
    'shown',
    "'::'",
    "'::1'",
    "'2001:db8::ff00:42:8329'",
    "'::ffff:1.2.3.4'",
    "'::1.2.3.4'",
    "'fe80::'",
    "'1:0:0:2:0:0:0:3'",
    "'1:2:3:4:5:6:7:0'",
    "'::2:3'",
    "'0:1::'",
    "'1:2:0:4:5:6:7:8'",
    "'0:2:0:4:5:6:7:8'",
    "'1:0:3:0:0:6:7:0'",
    "'::1:0'",
    "'::1:0:0'",
  ],
  ['VARCHAR(100) COMPRESSED', 'text', "REPEAT('ab', 50)", "'é'", "''"],
  ['VARBINARY(300) COMPRESSED', 'bytes', "REPEAT(X'00', 300)", "''"],
  ['TEXT COMPRESSED', 'text', "REPEAT('ab', 5000)", "'short'", "''"],
  ['LONGBLOB COMPRESSED', 'bytes', "REPEAT(X'0102', 50000)"],
  ['JSON', 'text', `'{"b": [1, 2.50]}'`],
];

const mysql: Case[] = [
  ['VARCHAR(20) CHARACTER SET gb18030', 'text', "'日€🚚ㄅÀ中ø'"],
  ['VECTOR(3)', 'vector', "TO_VECTOR('[1.1,-2,3e38]')"],
  [
    'JSON',
    'shown',
    `'{"b": [1, 2.50, null, "é"], "a": {}}'`,
    'CAST(1.5 AS JSON)',
    "'[]'",
    "CAST(CAST('12:00:00.5' AS TIME(6)) AS JSON)",
  ],
];

let legacy: Legacy;

async function declaredType(table: string): Promise<ColumnType> {
  const [column] = await legacy.run(
    "SELECT COLUMN_TYPE AS type FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND COLUMN_NAME = 'c'",
    [legacy.name, table],
  );
  return readColumnType(String(column!.type), true);
}

const encodings = {
  decimal: 'string',
  time: 'adaptive_time_microseconds',
  bigintUnsigned: 'long',
  binary: 'base64',
} as const;

/** A date that Debezium would have lost stands as its text. */
const keptDate = /^\d{4}-\d\d-\d\d[^T]*$/;

/** What our reader of a real Debezium's topics makes of the value, except where a real one would have lost or shifted it. */
function fromDebezium(json: string, type: ColumnType): Cell {
  const { c } = parseExactJson(json) as { c: unknown };
  const kept = /^(date|datetime|timestamp)$/.test(type.name) && keptDate.test(String(c));
  if (kept || type.name === 'uuid') return String(c);
  return decodeCell(c, type, encodingOf(type, undefined, encodings) as ValueEncoding);
}

async function compare(cases: readonly Case[]): Promise<void> {
  const differences: unknown[] = [];
  for (const [index, [type, how, ...literals]] of cases.entries()) {
    await legacy.run(`CREATE TABLE t${index} (id INT PRIMARY KEY, c ${type})`);
    const events = await eventsOf(legacy, async () => {
      for (const [id, literal] of literals.entries())
        await legacy.run(`INSERT INTO t${index} VALUES (${id}, ${literal})`);
    });
    const { rows } = decodeEvents(events, legacy.flavour, await catalogueOf(legacy));
    const { sql, told } = asked[how];
    const selected = await legacy.run(`SELECT ${sql} AS told FROM t${index} ORDER BY id`);
    const declared = await declaredType(`t${index}`);
    rows.forEach(({ after, afterJson }, id) => {
      const cell = after!.c!;
      if (told(cell) !== selected[id]!.told)
        differences.push({ type, literal: literals[id], found: cell, expected: selected[id]!.told });
      const undone = fromDebezium(afterJson!, declared);
      if (JSON.stringify(undone) !== JSON.stringify(cell))
        differences.push({ type, literal: literals[id], json: afterJson, found: undone, expected: cell });
    });
    expect(rows.length).toBe(literals.length);
  }
  expect(differences).toEqual([]);
}

describe('cells read from the binlog are what SELECT says, and so are those in Debezium’s spelling', () => {
  onBothServers((create) => {
    beforeEach(async () => {
      legacy = await create();
    });
    afterEach(() => legacy?.drop());

    it('for the extremes of every type', () => compare(both));

    it('for types that only one of the servers has', () => compare({ mariadb, mysql }[legacy.flavour]));
  });
});
