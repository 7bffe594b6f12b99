/**
 * The largest set of pairs (left index, right index) in which every pair fits and no index occurs twice.
 * Kuhn's augmenting paths: the size does not depend on the order or on which side is called left.
 */
export function largestPairing(
  leftSize: number,
  rightSize: number,
  fits: (left: number, right: number) => boolean,
): [number, number][] {
  const leftOf = new Array<number | undefined>(rightSize).fill(undefined);
  for (let left = 0; left < leftSize; left += 1) augment(left, new Set());
  return leftOf.flatMap((left, right): [number, number][] => (left === undefined ? [] : [[left, right]]));

  function augment(left: number, tried: Set<number>): boolean {
    for (let right = 0; right < rightSize; right += 1) {
      if (tried.has(right) || !fits(left, right)) continue;
      tried.add(right);
      const holder = leftOf[right];
      if (holder === undefined || augment(holder, tried)) {
        leftOf[right] = left;
        return true;
      }
    }
    return false;
  }
}
