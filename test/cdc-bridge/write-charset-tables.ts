import { writeFileSync } from 'node:fs';
import iconv from 'iconv-lite';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { allSequences, charactersOfServer } from './server-charsets.ts';

/**
 * Writes cdc-bridge/source/binlog/decoding/charsets/tables.ts out of what real servers say:
 * `npx tsx test/cdc-bridge/write-charset-tables.ts mysql://…mariadb mysql://…mysql`. Where two servers disagree it ends with an error.
 * Only what differs from the base is written: ISO 8859-1 for single bytes, an encoding of iconv-lite for longer sequences.
 */
const bases: Readonly<Record<string, string>> = {
  big5: 'big5',
  cp932: 'cp932',
  eucjpms: 'eucjp',
  euckr: 'euckr',
  gb18030: 'gb18030',
  gb2312: 'gb2312',
  gbk: 'gbk',
  sjis: 'sjis',
  ujis: 'eucjp',
};
const target = new URL('../../cdc-bridge/source/binlog/decoding/charsets/tables.ts', import.meta.url);

type Characters = ReadonlyMap<number, number>;

/** `a1c0=5c f5a1-f5fe=e000`: first and last sequence = code point of the first; nothing after = where there is no character. */
function runs(sequences: readonly number[], found: Characters, base: (sequence: number) => number | undefined): string {
  const written: { first: number; last: number; code: number | undefined }[] = [];
  for (const sequence of sequences) {
    const code = found.get(sequence);
    if (code === base(sequence)) continue;
    const run = written.at(-1);
    const goesOn = run?.last === sequence - 1 && run.code !== undefined && code === run.code + sequence - run.first;
    if (goesOn || (run?.last === sequence - 1 && run.code === undefined && code === undefined)) run.last = sequence;
    else written.push({ first: sequence, last: sequence, code });
  }
  const hex = (value: number) => value.toString(16);
  return written
    .map(
      ({ first, last, code }) =>
        `${hex(first)}${last > first ? `-${hex(last)}` : ''}=${code === undefined ? '' : hex(code)}`,
    )
    .join(' ');
}

function baseOf(encoding: string): (sequence: number) => number | undefined {
  return (sequence) => {
    const text = iconv.decode(Buffer.from(sequence.toString(16), 'hex'), encoding);
    const characters = [...text];
    return characters.length === 1 && text !== '\ufffd' ? text.codePointAt(0) : undefined;
  };
}

interface Tables {
  readonly collations: Record<string, Set<number>>;
  readonly single: Record<string, string>;
  readonly multi: Record<string, { base: string; single: string; repairs: string }>;
}

async function readServer(connection: Connection, tables: Tables): Promise<void> {
  const [charsets] = await connection.query<RowDataPacket[]>(
    'SELECT CHARACTER_SET_NAME AS name, MAXLEN AS longest FROM information_schema.CHARACTER_SETS',
  );
  for (const { name, longest } of charsets) {
    if (/^(utf|ucs|binary)/.test(name)) continue;
    const singles = await charactersOfServer(connection, name, 1);
    const single = runs(allSequences(1), singles, (byte) => byte);
    if (longest === 1) put(tables.single, name, single);
    else
      put(tables.multi, name, {
        base: bases[name]!,
        single,
        repairs: await repairs(connection, name, longest, singles),
      });
  }
  const table = /mariadb/i.test(await version(connection)) ? 'COLLATION_CHARACTER_SET_APPLICABILITY' : 'COLLATIONS';
  const [collations] = await connection.query<RowDataPacket[]>(
    `SELECT ID AS id, CHARACTER_SET_NAME AS charset FROM information_schema.${table} WHERE ID IS NOT NULL`,
  );
  for (const { id, charset } of collations) {
    tables.collations[charset] ??= new Set();
    tables.collations[charset].add(Number(id));
  }
}

async function repairs(connection: Connection, charset: string, longest: number, singles: Characters): Promise<string> {
  const base = baseOf(bases[charset]!);
  const parts: string[] = [];
  for (const length of longest === 3 ? [2, 3] : [2]) {
    const sequences = allSequences(length).filter((sequence) => length === 3 || !singles.has(sequence >> 8));
    parts.push(runs(sequences, await charactersOfServer(connection, charset, length), base));
  }
  return parts.filter((part) => part !== '').join(' ');
}

async function version(connection: Connection): Promise<string> {
  const [[row]] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version');
  return row!.version;
}

function put<T>(into: Record<string, T>, name: string, value: T): void {
  const there = into[name];
  if (there !== undefined && JSON.stringify(there) !== JSON.stringify(value))
    throw new Error(`the servers disagree about ${name}: ${JSON.stringify(there)} and ${JSON.stringify(value)}`);
  into[name] = value;
}

function ranges(ids: ReadonlySet<number>): string {
  const written: [number, number][] = [];
  for (const id of [...ids].sort((one, other) => one - other)) {
    const last = written.at(-1);
    if (last?.[1] === id - 1) last[1] = id;
    else written.push([id, id]);
  }
  return written.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(' ');
}

const tables: Tables = { collations: {}, single: {}, multi: {} };
for (const uri of process.argv.slice(2)) {
  const connection = await mysql.createConnection({ uri });
  await connection.query("SET SESSION sql_mode = ''");
  await readServer(connection, tables);
  await connection.end();
}
const sorted = (record: object) =>
  Object.fromEntries(Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1)));
const collations = Object.fromEntries(Object.entries(tables.collations).map(([name, ids]) => [name, ranges(ids)]));
writeFileSync(
  target,
  `// Written by test/cdc-bridge/write-charset-tables.ts from a MariaDB and a MySQL; checked against both in charsets.int.test.ts.

/** Character set → the numbers of its collations, as the table map gives them. */
export const collationIds: Readonly<Record<string, string>> = ${JSON.stringify(sorted(collations), null, 2)};

/** Character set of one byte a character → where it differs from ISO 8859-1: \`first-last=code point of first\`, hexadecimal, nothing for none. */
export const singleByteRuns: Readonly<Record<string, string>> = ${JSON.stringify(sorted(tables.single), null, 2)};

/** Character set of several bytes → its single bytes as above, and where it differs from iconv-lite's encoding \`base\`. */
export const multiByteRuns: Readonly<Record<string, { base: string; single: string; repairs: string }>> = ${JSON.stringify(sorted(tables.multi), null, 2)};
`,
);
