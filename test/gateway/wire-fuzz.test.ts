import { describe, expect, it } from 'vitest';
import { compareAnswers, compareRequests } from '../../fuzz/wire/compare.ts';

/** Any other seed must do as well: `npm run fuzz -- wire` takes a new one each time. */
const seed = 20_261_121;
const cases = 5_000;

describe("wire's grammar and Node's own parser", () => {
  it('read requests identically wherever wire takes them', async () => {
    const { same } = await compareRequests(cases, seed);
    expect(same).toBeGreaterThan(cases / 5);
  });

  it('read answers identically wherever wire takes them', async () => {
    const { same } = await compareAnswers(cases, seed);
    expect(same).toBeGreaterThan(cases / 5);
  });
});
