/**
 * Runs works side by side until `signal` aborts, or until the first of them ends; the others are then told to end, and waited for. Throws the
 * first failure.
 */
export async function together(
  signal: AbortSignal,
  ...works: readonly ((signal: AbortSignal) => Promise<void>)[]
): Promise<void> {
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const failures: unknown[] = [];
  const run = async (work: (signal: AbortSignal) => Promise<void>) => {
    await work(either).catch((error: unknown) => failures.push(error));
    ended.abort();
  };
  await Promise.all(works.map(run));
  if (failures.length > 0) throw failures[0];
}
