/**
 * Shares one reading of the binlog head among callers. Each caller gets a head that was read after it asked: one reading is under way, and all who
 * ask meanwhile share the next.
 */
export function coalesced<T>(read: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  return () => {
    next ??= underWay
      .catch(() => {})
      .then(() => {
        next = undefined;
        const reading = read();
        underWay = reading;
        return reading;
      });
    return next;
  };
}
