import { expect, it } from 'vitest';
import { mutateBinlogs } from '../../fuzz/binlog/mutate-binlogs.ts';

const cases = 3_000;
const seed = 20_261_121;

it('ends every reading of a changed binlog with its transactions or with a typed error and a place', async () => {
  const { whole, refused } = await mutateBinlogs(cases, seed);
  const errors = Object.values(refused).reduce((sum, count) => sum + count, 0);
  expect(whole + errors).toBe(cases);
  expect(Object.keys(refused)).toEqual(expect.arrayContaining(['binlog-corrupt', 'binlog-undecodable']));
}, 120_000);
