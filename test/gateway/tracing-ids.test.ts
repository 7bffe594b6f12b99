import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTraceparent } from '../../contract/traceparent.ts';
import { createRandomHex } from '../../gateway/accounting/random-hex.ts';
import { createTraces } from '../../gateway/accounting/trace.ts';

const caller = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const sampled = `00-${caller.traceId}-${caller.spanId}-01`;
const unsampled = `00-${caller.traceId}-${caller.spanId}-00`;

describe('a trace', () => {
  const randomHex = createRandomHex();
  const always = createTraces({ percent: 100, follow: 'trusted' }, randomHex);
  const never = createTraces({ percent: 0, follow: 'trusted' }, randomHex);

  it('goes on with the caller as parent', () => {
    const trace = never(unsampled, false);
    expect(trace).toMatchObject({ traceId: caller.traceId, parentId: caller.spanId, sampled: false });
    expect(trace.traceparent).toBe(`00-${caller.traceId}-${trace.spanId}-00`);
    expect(trace.spanId).not.toBe(caller.spanId);
  });

  it('begins where there was none that can be read', () => {
    expect(never('rubbish', true)).toMatchObject({ parentId: undefined, sampled: false });
    expect(never(undefined, true).traceId).not.toBe(never(undefined, true).traceId);
  });

  it('is sampled as a trusted peer has decided, either way', () => {
    expect(never(sampled, true).sampled).toBe(true);
    expect(always(unsampled, true).sampled).toBe(false);
  });

  it('is sampled by our own share whatever an untrusted client asks for, unless that is declared', () => {
    expect(never(sampled, false).sampled).toBe(false);
    expect(always(unsampled, false).sampled).toBe(true);
    expect(createTraces({ percent: 0, follow: 'all' }, randomHex)(sampled, false).sampled).toBe(true);
  });

  it('is sampled for the share that is configured', () => {
    let chance = 0;
    const one = createTraces({ percent: 1, follow: 'trusted' }, randomHex, () => (chance++ % 1_000) / 1_000);
    const traces = Array.from({ length: 10_000 }, () => one(undefined, false));
    expect(traces.filter((trace) => trace.sampled)).toHaveLength(100);
  });

  it('never has an id of zeros, which W3C takes for none', () => {
    const digits = ['0'.repeat(32), 'a'.repeat(32), '0'.repeat(16), 'b'.repeat(16)];
    const trace = createTraces({ percent: 0, follow: 'trusted' }, () => digits.shift()!)(undefined, false);
    expect(trace.traceparent).toBe(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`);
  });

  it('is well-formed whatever came', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom(sampled, unsampled)), fc.boolean(), (text, trusted) => {
        expect(isTraceparent(always(text, trusted).traceparent)).toBe(true);
      }),
    );
  });
});

describe('random digits', () => {
  it('are never given twice, over many fillings of the pool', () => {
    const randomHex = createRandomHex();
    const ids = Array.from({ length: 20_000 }, (_, index) => randomHex(index % 2 === 0 ? 32 : 16));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id, index) => new RegExp(`^[0-9a-f]{${index % 2 === 0 ? 32 : 16}}$`).test(id))).toBe(true);
  });
});
