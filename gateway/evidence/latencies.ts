import { z } from 'zod';

/**
 * Durations counted in classes whose bounds grow by a tenth: quantiles are right to within 5 %, and two sketches add up. Keys are class
 * numbers: class n holds durations up to 1.1^n ms.
 */
export const latenciesSchema = z.record(z.string().regex(/^-?\d+$/), z.int().positive());
export type Latencies = Readonly<Record<string, number>>;

const growth = Math.log(1.1);

/** The class of a duration. Durations below 0.1 ms share one. */
export function latencyClass(durationMs: number): string {
  return String(Math.ceil(Math.log(Math.max(durationMs, 0.1)) / growth));
}

/** The duration in ms that this share of all stays at or below, `quantile` from 0 to 1; undefined without durations. */
export function quantileMs(latencies: Latencies, quantile: number): number | undefined {
  const classes = Object.entries(latencies)
    .map(([key, count]) => ({ upperMs: Math.exp(Number(key) * growth), count }))
    .sort((one, other) => one.upperMs - other.upperMs);
  let left = quantile * classes.reduce((sum, { count }) => sum + count, 0);
  const found = classes.find(({ count }) => {
    left -= count;
    return left <= 0;
  });
  return found && Math.round((found.upperMs / Math.sqrt(1.1)) * 100) / 100;
}
