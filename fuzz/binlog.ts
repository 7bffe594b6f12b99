import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { mutateBinlogs } from './binlog/mutate-binlogs.ts';

/**
 * `npm run fuzz -- binlog [--cases 1000000] [--seed N]`: events of recorded binlogs, changed at random and with their checksums corrected, read
 * end to end: meaning, rows, transactions.
 */
const { values } = parseArgs({
  options: { cases: { type: 'string', default: '1000000' }, seed: { type: 'string' } },
});
const cases = Number(values.cases);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const startedAt = performance.now();
process.stdout.write(`${cases} changed events, seed ${seed}\n`);
const seen = await mutateBinlogs(cases, seed);
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
process.stdout.write(`${JSON.stringify(seen)} nothing but typed errors in ${seconds} s\n`);
