/** A started part: what it serves is for its own type to say; this is how it ends and how it is. */
export interface RunningPart {
  /** Resolves when everything the part opened is closed and what it accepted is finished. Idempotent. */
  stop(): Promise<void>;
}
