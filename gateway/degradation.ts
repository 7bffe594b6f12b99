/** Something that works less well than it should, while requests are served. */
export interface Degradation {
  /** `log`, `flags`, `shadow shipments`, `bypass`, … */
  readonly part: string;
  /** ISO 8601 in UTC, where known. */
  readonly since?: string;
  readonly detail: string;
}
