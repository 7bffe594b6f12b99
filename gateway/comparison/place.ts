import type { Difference } from './difference.ts';

/**
 * The class of a difference's place, for counting: indices of arrays become stars, so that the tenth item's price and the first's are one
 * place, `/items/*` + `/price`.
 */
export function placeOf({ path }: Pick<Difference, 'path'>): string {
  return path.startsWith('/') ? path.replaceAll(/\/\d+(?=\/|$)/g, '/*') : path;
}
