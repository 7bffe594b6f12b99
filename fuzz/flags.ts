import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { compareFlags } from './flags/compare-flags.ts';

/** `npx tsx fuzz/flags.ts [--cases 100000] [--seed N]`: compiled flags against unleash-client, on random flags and requests. */
const { values } = parseArgs({
  options: { cases: { type: 'string', default: '100000' }, seed: { type: 'string' } },
});
const cases = Number(values.cases);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const startedAt = performance.now();
process.stdout.write(`${cases} flags, seed ${seed}\n`);
const seen = compareFlags(cases, seed);
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
process.stdout.write(`${JSON.stringify(seen)} no difference in ${seconds} s\n`);
