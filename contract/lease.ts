/** A lease as its holder has it: the name, and the number of the change of hands by which it came. */
export interface Lease {
  readonly name: string;
  /** Starts at 1 and grows with each change of hands: whoever holds an older one has been replaced. */
  readonly epoch: number;
}

/** The answer to who asks for a lease: `acquired`, or `held` by another until a time (ISO 8601 in UTC) that it may put off. */
export type LeaseAnswer =
  | { readonly kind: 'acquired'; readonly lease: Lease; readonly until: string }
  | { readonly kind: 'held'; readonly holder: string; readonly until: string };

/**
 * Who may write, one at a time. A lease runs out by the store's own clock; that only decides who may take it. What keeps a holder that
 * was replaced from writing is the lease given to `append` as its fence, checked in the same step as the write.
 */
export interface Leases {
  /**
   * Takes the lease for `ttlMs` when nobody has it, or it has run out. A holder that asks again has it put off and keeps its epoch.
   * `holder` names one life of one process, for whoever has to wait. `ended` is a holder of whom it is known that it has ended: a lease of its
   * counts as run out.
   */
  acquire(name: string, holder: string, ttlMs: number, ended?: string): Promise<LeaseAnswer>;
  /** Puts the end off to `ttlMs` from now, also after it has run out if nobody took it. LogError `fenced` when it has passed on. */
  renew(lease: Lease, ttlMs: number): Promise<void>;
  /** Lets the next one in at once. Does nothing when the lease has passed on. */
  release(lease: Lease): Promise<void>;
}
