/** Where the lines of a log go. One call at a time. */
export interface LogDestination {
  /** Appends; tells how many bytes were taken, at least one. Rejects when none could be: the same bytes are then offered again later. */
  write(bytes: Buffer): Promise<number>;
  /** Begins anew at the configured place: what was moved away is let go. Rejects when the place cannot be written to. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}
