/**
 * The five request headers that the gateway may send to a service in any language (and that it strips from every client's request).
 * A service that ignores them still works; each one it honours makes more of the migration provable.
 */
export const strangler = {
  /** The user the gateway recognised, signed: see contract/signed-user.ts. */
  user: 'strangler-user',
  /** On answers: the log address that this answer was built from, `domain/0/1234`. */
  position: 'strangler-position',
  /** Answer from this log address on, or 409 with problem code `not-yet-at-position`; the gateway then asks legacy. */
  atLeast: 'strangler-at-least',
  /** `1`: answer with the events that would be emitted, write nothing. */
  dryRun: 'strangler-dry-run',
  /** The epoch of the record's writer; a stale one is refused. */
  epoch: 'strangler-epoch',
} as const;
