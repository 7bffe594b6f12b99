/** A column of the zoo: its declaration, and values as SQL. NULL is added to each that may be. */
export interface ZooColumn {
  readonly declared: string;
  readonly values: readonly string[];
}

/** Columns of one kind, together in a table. */
export interface ZooTable {
  readonly name: string;
  /** The only server that has these; both when absent. */
  readonly only?: 'mariadb' | 'mysql';
  readonly columns: readonly ZooColumn[];
  /** What stands behind the columns: `PARTITION BY …`. */
  readonly options?: string;
}

const of = (declared: string, ...values: string[]): ZooColumn => ({ declared, values });

/** Whole numbers with the ends of their range, one inside each, and zero. */
const integers = [
  ['TINYINT', 8n],
  ['SMALLINT', 16n],
  ['MEDIUMINT', 24n],
  ['INT', 32n],
  ['BIGINT', 64n],
] as const;

const integerColumns = integers.flatMap(([type, bits]) => [
  of(type, String(-(1n << (bits - 1n))), String((1n << (bits - 1n)) - 1n), '0', '-1', '1', '100'),
  of(`${type} UNSIGNED`, '0', String((1n << bits) - 1n), String(1n << (bits - 1n)), '1'),
  of(`${type} UNSIGNED ZEROFILL`, '0', '7', String((1n << bits) - 1n)),
]);

const bitColumns = [1, 7, 8, 9, 12, 16, 17, 31, 32, 33, 53, 54, 63, 64].map((bits) =>
  of(
    `BIT(${bits})`,
    '0',
    '1',
    `b'${'1'.repeat(bits)}'`,
    `b'1${'0'.repeat(bits - 1)}'`,
    `b'${'10'.repeat(32).slice(0, bits)}'`,
  ),
);

const digits = (count: number) => '9876543210'.repeat(7).slice(0, count);

const decimalColumns = [
  [1, 0],
  [1, 1],
  [5, 2],
  [9, 0],
  [9, 9],
  [10, 1],
  [18, 9],
  [19, 10],
  [20, 18],
  [27, 13],
  [30, 30],
  [38, 19],
  [65, 0],
  [65, 30],
].flatMap(([precision = 0, scale = 0]) => {
  const most = `${digits(precision - scale) || '0'}${scale > 0 ? `.${digits(scale)}` : ''}`;
  const least = scale > 0 ? `0.${'0'.repeat(scale - 1)}1` : '1';
  return [
    of(`DECIMAL(${precision},${scale})`, `'${most}'`, `'-${most}'`, `'${least}'`, `'-${least}'`, '0', '-0.0'),
    of(`DECIMAL(${precision},${scale}) UNSIGNED ZEROFILL`, `'${most}'`, `'${least}'`, '0'),
  ];
});

const floatColumns = [
  of(
    'FLOAT',
    '1.1',
    '0.1',
    '-0.0',
    '3.402823466e38',
    '-3.402823466e38',
    '1.175494351e-38',
    '1e-45',
    '16777217',
    '123456.789',
    '1e20',
    '0.3333333333',
  ),
  of('FLOAT UNSIGNED', '0', '1.5', '9999999'),
  of('FLOAT(7,4)', '123.4567', '-999.9999', '0.00005'),
  of(
    'DOUBLE',
    '0.1',
    '-0.0e0',
    '1.7976931348623157e308',
    '2.2250738585072014e-308',
    '5e-324',
    '9.999999999999999',
    '0.30000000000000004',
    '1e15',
    '1e-7',
    '123456789012345680',
    '9007199254740993',
  ),
  of('DOUBLE(20,5)', '123456789012345.12345', '-0.00001', '1'),
  of('DOUBLE UNSIGNED ZEROFILL', '1.5', '0', '1e100'),
];

const dates = [
  "'0000-00-00'",
  "'2025-00-10'",
  "'2025-06-00'",
  "'0001-01-01'",
  "'1000-01-01'",
  "'9999-12-31'",
  "'2024-02-29'",
];
const fractions = [0, 1, 2, 3, 4, 5, 6];

const temporalColumns = [
  of('DATE', ...dates),
  of('YEAR', '0', '1901', '2155', '2025'),
  ...fractions.flatMap((fraction) => [
    of(
      `DATETIME(${fraction})`,
      "'0000-00-00 00:00:00'",
      "'2025-00-00 01:02:03'",
      "'1000-01-01 00:00:00.000001'",
      "'9999-12-31 23:59:59.9'",
      "'2024-02-29 23:59:59.123456'",
      "'0001-01-01 00:00:00.1'",
    ),
    of(
      `TIMESTAMP(${fraction}) NULL`,
      "'1970-01-01 00:00:01'",
      "'2038-01-19 03:14:07'",
      "'2025-03-30 02:30:00.5'",
      "'0000-00-00 00:00:00'",
      "'2024-02-29 23:59:59.123456'",
    ),
    of(
      `TIME(${fraction})`,
      "'-838:59:59'",
      "'838:59:59'",
      "'00:00:00'",
      "'-00:00:00.9'",
      "'-00:00:01.000001'",
      "'-01:00:00'",
      "'101:02:03.123456'",
      "'-99:59:59.999999'",
      "'23:59:59.5'",
    ),
  ]),
];

const texts = [
  "''",
  "'a'",
  "'Zoë € ñ'",
  "'日本 🚚 ''quoted'' \"\\\\'",
  "'trailing  '",
  "REPEAT('é', 60)",
  "'line\\nbreak\\ttab\\0nul'",
];

const textColumns = [
  ...[
    'CHAR(0)',
    'CHAR(1)',
    'CHAR(63)',
    'CHAR(64)',
    'CHAR(255)',
    'VARCHAR(0)',
    'VARCHAR(63)',
    'VARCHAR(64)',
    'VARCHAR(1000)',
  ].map((type) => of(type, ...texts)),
  ...['TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT'].map((type) =>
    of(type, ...texts, "REPEAT('x', 255)", "REPEAT('long ', 30000)"),
  ),
  of("ENUM('a','b,c','d''e','é','')", "'a'", "'b,c'", "'d''e'", "'é'", "''", "'nonsense'"),
  of(
    `ENUM(${Array.from({ length: 300 }, (_, index) => `'m${index}'`).join(',')})`,
    "'m0'",
    "'m254'",
    "'m255'",
    "'m299'",
  ),
  of("SET('x','y','z')", "''", "'x'", "'x,z'", "'x,y,z'"),
  of("SET('it''s','b')", "'it''s'", "'it''s,b'"),
  of(
    `SET(${Array.from({ length: 64 }, (_, index) => `'s${index}'`).join(',')})`,
    "'s0'",
    "'s63'",
    "'s0,s31,s32,s63'",
    '18446744073709551615',
    "''",
  ),
];

const byteColumns = [
  ...[
    'BINARY(1)',
    'BINARY(16)',
    'BINARY(255)',
    'VARBINARY(255)',
    'VARBINARY(256)',
    'TINYBLOB',
    'BLOB',
    'MEDIUMBLOB',
    'LONGBLOB',
  ].map((type) => of(type, "X''", "X'00FF10'", "X'0000'", "X'20'", "'abc'", "REPEAT(X'FE', 200)", "X'C328'")),
  of('LONGBLOB', "REPEAT(X'00', 3000000)", "X'FF'"),
  of('VARCHAR(50) COLLATE utf8mb4_bin', "'Ä'", "'a '"),
];

/** Every byte once. Those that are no character of a set go in as `?`: of such text SELECT shows less than the binlog has. */
const everyByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')).join('');

/** Sets of one byte a character, in which any byte may stand. */
const singleByteCharsets = [
  'latin1',
  'latin2',
  'cp1251',
  'cp1250',
  'koi8r',
  'cp850',
  'cp852',
  'cp866',
  'macroman',
  'latin5',
  'latin7',
  'cp1256',
  'cp1257',
  'dec8',
  'swe7',
  'hp8',
  'armscii8',
  'greek',
  'hebrew',
  'tis620',
  'koi8u',
  'keybcs2',
  'macce',
  'geostd8',
];
const wideCharsets = [
  'utf8mb3',
  'ucs2',
  'utf16',
  'utf16le',
  'utf32',
  'big5',
  'gbk',
  'gb2312',
  'sjis',
  'cp932',
  'ujis',
  'eucjpms',
  'euckr',
  'ascii',
];

/** Text goes through the server's own conversion, so what a set lacks is `?`. */
const words = [
  "'plain'",
  "'Zoë ñ ß'",
  "'Привет'",
  "'日本語テキスト'",
  "'中文 漢字'",
  "'한국어'",
  "'ελληνικά'",
  "'עברית'",
  "'ไทย'",
  "'€ “ ”'",
];

const charsetColumns = [...singleByteCharsets, ...wideCharsets].map((charset) =>
  of(
    `VARCHAR(300) CHARACTER SET ${charset}`,
    ...words,
    ...(singleByteCharsets.includes(charset)
      ? [`CONVERT(CONVERT(X'${everyByte}' USING ${charset}) USING utf8mb4)`]
      : []),
  ),
);

/** Members that the set can hold. */
const charsetMembers = [
  ['latin1', "'x','é'"],
  ['cp1251', "'x','я'"],
  ['gbk', "'x','中'"],
  ['sjis', "'x','日'"],
  ['ucs2', "'x','я','中'"],
  ['utf32', "'x','я','中'"],
  ['binary', "'x','é'"],
].flatMap(([charset, members]) => [
  of(`ENUM(${members}) CHARACTER SET ${charset}`, '1', '2'),
  of(`SET(${members}) CHARACTER SET ${charset}`, '1', '2', '3', '0'),
]);

const shapes: readonly (readonly [type: string, ...wkt: string[]])[] = [
  ['POINT', 'POINT(1 2)', 'POINT(-0.5 12.25)'],
  ['LINESTRING', 'LINESTRING(0 0, 1 1, 2 0)'],
  ['POLYGON', 'POLYGON((0 0, 0 3, 3 3, 3 0, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))'],
  ['MULTIPOINT', 'MULTIPOINT(0 0, 1 1)'],
  ['MULTILINESTRING', 'MULTILINESTRING((0 0, 1 1), (2 2, 3 3))'],
  ['MULTIPOLYGON', 'MULTIPOLYGON(((0 0, 0 1, 1 1, 0 0)))'],
  ['GEOMETRYCOLLECTION', 'GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(0 0, 1 1))'],
];

const geometryColumns = [
  ...shapes.map(([type, ...wkt]) =>
    of(type, ...wkt.flatMap((text) => [`ST_GeomFromText('${text}')`, `ST_GeomFromText('${text}', 4326)`])),
  ),
  of('GEOMETRY', ...shapes.map(([, text]) => `ST_GeomFromText('${text}', 3857)`)),
];

const mysqlJson = [
  "'null'",
  "'true'",
  `'{"b": [1, 2.50, -0.0, 1e100, 1.0], "a": {"deep": [[], {}]}, "é": "日本"}'`,
  "'[18446744073709551615, -9223372036854775808, 70000, -70000, 32768]'",
  "CAST(CAST('12.50' AS DECIMAL(10,2)) AS JSON)",
  "JSON_ARRAY(DATE'2024-02-29', TIMESTAMP'2024-02-29 23:59:59.123456', CAST('-838:59:59' AS TIME), CAST(2024 AS YEAR))",
  "JSON_OBJECT('bytes', X'00FF', 'bits', b'1010', 'long', REPEAT(X'AB', 100))",
  "JSON_ARRAY('quote\"', 'back\\\\slash', 'control\\n\\t', '')",
  "CONCAT('[', REPEAT('123456,', 20000), '0]')",
  "CAST(ST_GeomFromText('POINT(1 2)') AS JSON)",
];

/** Neighbours of every kind, since the binlog describes kinds apart and tells by their order alone whom it means. */
const mixedColumns = [
  of('VARCHAR(20) CHARACTER SET latin1', "'é'"),
  of('POINT', "ST_GeomFromText('POINT(1 2)', 4326)"),
  of('INT UNSIGNED', '4294967295'),
  of("ENUM('я','x') CHARACTER SET cp1251", "'я'"),
  of('DECIMAL(9,2)', '-1.5'),
  of('TEXT CHARACTER SET gbk', "'中'"),
  of('BIT(3)', '5'),
  of("SET('é','b') CHARACTER SET latin2", "'é,b'"),
  of('VARBINARY(9)', "X'FF'"),
  of('YEAR', '2025'),
  of('DOUBLE UNSIGNED', '1.5'),
  of('JSON', "'[1, 2]'"),
  of('TINYINT', '-1'),
  of("ENUM('é') CHARACTER SET latin1", "'é'"),
  of('BLOB', "X'00'"),
  of('CHAR(5) CHARACTER SET utf8mb4', "'🚚'"),
  of('GEOMETRY', "ST_GeomFromText('LINESTRING(0 0, 1 1)')"),
  of('TIMESTAMP(3) NULL', "'2024-02-29 23:59:59.123'"),
  of('BIGINT UNSIGNED', '18446744073709551615'),
  of('VARCHAR(9) CHARACTER SET ucs2', "'日本'"),
];

/** Every kind of table that the two servers have. */
export const typeZoo: readonly ZooTable[] = [
  { name: 'zoo_integers', columns: integerColumns },
  { name: 'zoo_bits', columns: bitColumns },
  { name: 'zoo_decimals', columns: decimalColumns },
  { name: 'zoo_floats', columns: floatColumns },
  { name: 'zoo_temporals', columns: temporalColumns },
  { name: 'zoo_texts', columns: textColumns },
  { name: 'zoo_bytes', columns: byteColumns },
  { name: 'zoo_charsets', columns: charsetColumns },
  { name: 'zoo_members', columns: charsetMembers },
  { name: 'zoo_geometries', columns: geometryColumns },
  {
    name: 'zoo_partitioned',
    columns: [of('INT', '1', '50', '150'), of('VARCHAR(9)', "'a'")],
    options: 'PARTITION BY HASH(id) PARTITIONS 4',
  },
  { name: 'zoo_myisam', columns: [of('INT', '1', '2'), of('TEXT', "'a'")], options: 'ENGINE = MyISAM' },
  {
    name: 'zoo_generated',
    columns: [
      of('INT', '1', '2', '3'),
      of('INT GENERATED ALWAYS AS (id * 2) VIRTUAL'),
      of("VARCHAR(20) GENERATED ALWAYS AS (CONCAT('n', id)) STORED"),
      of('INT INVISIBLE', '7', '8'),
    ],
  },
  { name: 'zoo_wide', columns: Array.from({ length: 300 }, (_, index) => of('SMALLINT', String(index), '-1')) },
  { name: 'zoo_json_text', only: 'mariadb', columns: [of('JSON', `'{"b": [1,   2.50]}'`, "'null'", `'"é"'`)] },
  { name: 'zoo_json', only: 'mysql', columns: [of('JSON', ...mysqlJson), of('JSON', ...[...mysqlJson].reverse())] },
  {
    name: 'zoo_vectors',
    only: 'mysql',
    columns: [of('VECTOR(3)', "TO_VECTOR('[1,2.5,-3e-5]')"), of('VECTOR', "TO_VECTOR('[0.1]')")],
  },
  { name: 'zoo_gb18030', only: 'mysql', columns: [of('VARCHAR(50) CHARACTER SET gb18030', ...words, "'🚚'")] },
  { name: 'zoo_mixed', columns: mixedColumns },
  { name: 'zoo_mixed_back', columns: [...mixedColumns].reverse() },
  {
    name: 'zoo_mixed_mariadb',
    only: 'mariadb',
    columns: [
      of('UUID', "'00112233-4455-6677-8899-aabbccddeeff'"),
      ...mixedColumns.slice(0, 6),
      of('INET6', "'::1'"),
      of('VARCHAR(200) COMPRESSED CHARACTER SET sjis', "'日本'"),
      of('INET4', "'1.2.3.4'"),
      ...mixedColumns.slice(6),
    ],
  },
  {
    name: 'zoo_mixed_mysql',
    only: 'mysql',
    columns: [
      of('VECTOR(2)', "TO_VECTOR('[1,2]')"),
      ...mixedColumns.slice(0, 6),
      of('VECTOR(1)', "TO_VECTOR('[3]')"),
      of('VARCHAR(9) CHARACTER SET sjis', "'日本'"),
    ],
  },
  {
    name: 'zoo_addresses',
    only: 'mariadb',
    columns: [
      of(
        'UUID',
        "'00112233-4455-6677-8899-aabbccddeeff'",
        "'f47ac10b-58cc-4372-a567-0e02b2c3d400'",
        "'00000000-0000-0000-0000-000000000000'",
      ),
      of('INET6', "'::'", "'2001:db8::ff00:42:8329'", "'::ffff:1.2.3.4'", "'fe80::'"),
      of('INET4', "'0.0.0.0'", "'192.168.1.0'", "'255.255.255.255'"),
    ],
  },
  {
    // The server adds a hidden column for each, whose values are in the binlog.
    name: 'zoo_long_unique',
    only: 'mariadb',
    columns: [of('TEXT, UNIQUE (id, c0)', ...texts), of('BLOB, UNIQUE (c1, id)', "REPEAT('1', 3000)"), of('INT', '1')],
  },
  { name: 'zoo_short_years', only: 'mariadb', columns: [of('YEAR(2)', '1999', '2000', '2069', '1970')] },
  {
    name: 'zoo_compressed',
    only: 'mariadb',
    columns: [
      of('VARCHAR(1000) COMPRESSED', "''", "'short'", "REPEAT('é', 500)"),
      of('TEXT COMPRESSED', "''", "REPEAT('long ', 5000)"),
      of('BLOB COMPRESSED', "X''", "REPEAT(X'00FF', 5000)", "X'00'"),
    ],
  },
];

/** How many rows show every value of every column. */
function rowCount({ columns }: ZooTable): number {
  return Math.max(...columns.map(({ values }) => values.length)) + 1;
}

/** The value that a column has in a row; the last row is NULL where it may be. */
function valueAt({ values }: ZooColumn, row: number): string {
  return values[row % (values.length + 1)] ?? 'NULL';
}

const written = ({ columns }: ZooTable) =>
  columns.map((column, index) => ({ ...column, name: `c${index}` })).filter(({ values }) => values.length > 0);

export function createZooTable(table: ZooTable): string {
  const columns = table.columns.map(({ declared }, index) => `c${index} ${declared}`);
  return `CREATE TABLE ${table.name} (id INT PRIMARY KEY, ${columns.join(', ')}) ${table.options ?? ''}`;
}

/** Every value inserted, changed into the next one and taken out again, and keys changed; the statements in order. */
export function zooWrites(table: ZooTable): string[] {
  const rows = Array.from({ length: rowCount(table) }, (_, row) => row);
  const columns = written(table);
  const names = ['id', ...columns.map(({ name }) => name)].join(', ');
  const tuple = (id: number, row: number) => `(${[id, ...columns.map((column) => valueAt(column, row))].join(', ')})`;
  const assigned = (row: number) => columns.map((column) => `${column.name} = ${valueAt(column, row)}`).join(', ');
  return [
    ...rows.map((row) => `INSERT INTO ${table.name} (${names}) VALUES ${tuple(row, row)}`),
    `INSERT INTO ${table.name} (${names}) VALUES ${rows
      .slice(0, 3)
      .map((row) => tuple(1000 + row, row + 1))
      .join(', ')}`,
    ...rows.map((row) => `UPDATE ${table.name} SET ${assigned(row + 1)} WHERE id = ${row}`),
    `UPDATE ${table.name} SET id = id + 2000 WHERE id >= 1000`,
    `UPDATE ${table.name} SET ${columns[0]!.name} = NULL WHERE id = 1`,
    `REPLACE INTO ${table.name} (${names}) VALUES ${tuple(2, 0)}`,
    `INSERT INTO ${table.name} (${names}) VALUES ${tuple(0, 0)} ON DUPLICATE KEY UPDATE ${columns.at(-1)!.name} = ${valueAt(columns.at(-1)!, 1)}`,
    `DELETE FROM ${table.name} WHERE id = 3000`,
  ];
}
