import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type mysql from 'mysql2/promise';
import { RealPartUnavailable } from '../test/real-parts/real-part.ts';
import { type LegacyRows, startLegacyRows } from './bridge/legacy-rows.ts';
import { type HelperProcess, startHelper } from './helper-process.ts';
import { median } from './quantile.ts';
import { type PausedDebezium, pausedEngine, pausedWorker } from './reader/debezium.ts';
import type { PassCost, Span, Wanted } from './reader/span.ts';
import type { Effort, Report } from './report.ts';

/** What is read: rows in few transactions, and each in one of its own. */
interface Work {
  readonly name: string;
  readonly rows: number;
  readonly perTransaction: number;
}

/** One way to read it; gives the µs of CPU time a row. */
interface Contestant {
  readonly name: string;
  pass(work: Work): Promise<number>;
  stop(): Promise<void>;
}

/** Rounds of Debezium, each on rows that are written for it; the first one is for its compiler. */
const debeziumRounds = 3;

/**
 * What reading a row from a live server costs: our reader and @vlasky/zongji in turn on the same binlog, and two kinds of Debezium on further rows of
 * the same make. CPU time of the process that reads; the first turn of each does not count.
 */
export async function measureReader({ pairs, requests }: Effort): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-reader-'));
  const legacy = await startLegacyRows(join(folder, 'database'));
  const works: Work[] = [
    { name: 'transactions of 25,000 rows', rows: requests * 10, perTransaction: 25_000 },
    { name: 'one row a transaction', rows: requests * 2, perTransaction: 1 },
  ];
  try {
    const rows: (string | number)[][] = [];
    for (const work of works) rows.push(...(await measureReaders(legacy, work, pairs)));
    for (const [name, start] of debeziums) rows.push(...(await measureDebezium(name, start, legacy, works)));
    const columns = ['', 'reader', 'µs a row', 'least', 'most', 'to our objects', 'to our JSON'];
    const title = 'CPU time of the process that reads, over a socket (10 columns, about 200 bytes a row)';
    return { bench: 'reader', tables: [{ title, columns, rows: withRatios(rows) }] };
  } finally {
    await legacy.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const ourObjects = 'ours, objects';
const ourJson = 'ours, Debezium’s JSON';

async function measureReaders(legacy: LegacyRows, work: Work, pairs: number): Promise<(string | number)[][]> {
  const span = await written(legacy, work);
  const contestants = await Promise.all([
    reader(ourObjects, './reader/our-reader.ts', legacy, 'objects', span),
    reader('@vlasky/zongji, objects', './reader/zongji-reader.ts', legacy, 'objects', span),
    reader(ourJson, './reader/our-reader.ts', legacy, 'json', span),
    reader('@vlasky/zongji, JSON.stringify', './reader/zongji-reader.ts', legacy, 'json', span),
  ]);
  try {
    const turns: number[][] = contestants.map(() => []);
    for (let turn = 0; turn <= pairs; turn += 1)
      for (const [index, contestant] of contestants.entries()) turns[index]!.push(await contestant.pass(work));
    return contestants.map(({ name }, index) => row(work, name, turns[index]!.slice(1)));
  } finally {
    await Promise.all(contestants.map((contestant) => contestant.stop()));
  }
}

async function reader(
  name: string,
  program: string,
  { url }: LegacyRows,
  wanted: Wanted,
  span: Span,
): Promise<Contestant> {
  const helper: HelperProcess<unknown> = await startHelper(new URL(program, import.meta.url), [url, wanted]);
  return {
    name,
    pass: async ({ rows }) => (await helper.ask<PassCost>(span)).cpuMicroseconds / rows,
    stop: () => helper.stop(),
  };
}

async function written({ connection, position, insert }: LegacyRows, work: Work): Promise<Span> {
  const [status] = await connection.query<mysql.RowDataPacket[]>('SHOW MASTER STATUS');
  const span = {
    position: await position(),
    file: status[0]!.File as string,
    offset: status[0]!.Position as number,
    rows: work.rows,
  };
  await insert(work.rows, work.perTransaction);
  return span;
}

const debeziums: readonly (readonly [string, (database: string) => Promise<PausedDebezium>])[] = [
  ['Debezium, embedded engine', pausedEngine],
  ['Debezium, Connect worker', pausedWorker],
];

async function measureDebezium(
  name: string,
  start: (database: string) => Promise<PausedDebezium>,
  { url, insert }: LegacyRows,
  works: readonly Work[],
): Promise<(string | number)[][]> {
  const debezium = await start(url).catch((error) => {
    if (error instanceof RealPartUnavailable) return error;
    throw error;
  });
  if (debezium instanceof RealPartUnavailable) return [[debezium.message, name, ...Array(3).fill(Number.NaN)]];
  try {
    const rows: (string | number)[][] = [];
    for (const work of works) {
      const turns: number[] = [];
      for (let round = 0; round < debeziumRounds; round += 1) {
        await insert(work.rows, work.perTransaction);
        turns.push((await debezium.work(work.rows)) / work.rows);
      }
      rows.push(row(work, name, turns.slice(1)));
    }
    return rows;
  } finally {
    await debezium.stop();
  }
}

const row = ({ name }: Work, reader: string, turns: readonly number[]): (string | number)[] => [
  name,
  reader,
  median(turns),
  Math.min(...turns),
  Math.max(...turns),
];

function withRatios(rows: readonly (string | number)[][]): (string | number)[][] {
  const ours = (work: unknown, reader: string) =>
    Number(rows.find((each) => each[0] === work && each[1] === reader)?.[2]);
  return rows.map((each) => [
    ...each,
    Number(each[2]) / ours(each[0], ourObjects),
    Number(each[2]) / ours(each[0], ourJson),
  ]);
}
