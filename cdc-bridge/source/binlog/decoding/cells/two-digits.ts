/** All numbers of two digits, `00` to `99`. Optimization: a text looked up is several times cheaper than one made. */
export const two: readonly string[] = Array.from({ length: 100 }, (_, value) => `${value}`.padStart(2, '0'));
