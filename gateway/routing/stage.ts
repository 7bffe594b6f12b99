/** A place a request can be answered from. */
export type Target = 'legacy' | 'new';

/** Where a route stands in its migration. Each stage has only its own fields. */
export type Stage =
  | { readonly kind: 'legacy' }
  | { readonly kind: 'shadow' }
  /** `percent` of the assignment units, 0 to 100, is served by the new side. */
  | { readonly kind: 'canary'; readonly percent: number }
  | { readonly kind: 'new' }
  | { readonly kind: 'retired' };
