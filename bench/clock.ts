/** Milliseconds on the clock that all processes of one machine share (CLOCK_MONOTONIC), so that moments of two can be subtracted. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
