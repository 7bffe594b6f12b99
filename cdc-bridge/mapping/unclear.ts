/** Why the mapping cannot understand a change: code → meaning. */
export const unclearReasons = {
  'column-absent': 'A column that the mapping needs is not in the row image: it was renamed, dropped, or not logged.',
  'value-unreadable':
    'A column that the mapping needs has a value that cannot be read exactly, or not as text or JSON as it is declared.',
  'stream-unnamed': 'The stream cannot be named: a column of its template is NULL or empty.',
  'joined-row-missing': 'A rule joins a row of another table that its transaction did not change.',
  'transaction-in-pieces':
    'A rule joins other rows of its transaction, which was too large to be held in memory, so that not all of them can be seen.',
  'function-failed': 'The mapping function threw, or returned something that is no list of events.',
} as const;

export type UnclearReason = keyof typeof unclearReasons;

/** Thrown inside the mapping when a change cannot be understood; ends as a parked change, never as an error of the bridge. */
export class Unclear extends Error {
  override readonly name = 'Unclear';
  readonly reason: UnclearReason;
  constructor(reason: UnclearReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
