/** What a promise resolves to, or undefined when that takes longer than `deadlineMs`. It goes on meanwhile. */
export async function withinDeadline<T>(promise: Promise<T>, deadlineMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), deadlineMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
