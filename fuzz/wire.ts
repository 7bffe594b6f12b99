import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { compareAnswers, compareRequests } from './wire/compare.ts';

/** `npm run fuzz -- wire [--cases 1000000] [--seed N]`: what wire's grammar takes against what Node's own parser reads, half of it requests, half answers. */
const { values } = parseArgs({
  options: { cases: { type: 'string', default: '1000000' }, seed: { type: 'string' } },
});
const cases = Number(values.cases);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const startedAt = performance.now();
process.stdout.write(`${cases} cases, seed ${seed}\n`);
const requests = await compareRequests(Math.ceil(cases / 2), seed);
process.stdout.write(`requests ${JSON.stringify(requests)}\n`);
const answers = await compareAnswers(Math.floor(cases / 2), seed);
process.stdout.write(`answers ${JSON.stringify(answers)}\n`);
process.stdout.write(`no difference in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s\n`);
