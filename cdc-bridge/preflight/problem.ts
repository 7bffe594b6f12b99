/** Something about the legacy database that stands in the way, and the SQL that puts it right. */
export interface PreflightProblem {
  /** An error keeps the bridge from starting, a warning is told. */
  readonly severity: 'error' | 'warning';
  /** Stable name: `binlog-format`, `missing-column`, … */
  readonly code: string;
  /** What was found, what was expected, where. */
  readonly message: string;
  /** Statements to run, in order; what only the server's configuration file can change is a comment. */
  readonly fix: readonly string[];
}
