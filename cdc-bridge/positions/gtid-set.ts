import type { SourcePosition } from '../../contract/source-position.ts';

/**
 * Everything that has been read, as a set of transactions of one kind: by GTIDs of either flavour, or all up to a place in one server's binlog
 * files. Immutable. A transaction is named as SourceTransaction names it (`mariadb:0-1-57`, `mysql:UUID:tag:57`, `file:SERVER@FILE:OFFSET`), or
 * by its bare GTID.
 */
export interface GtidSet {
  readonly kind: SourcePosition['kind'];
  /** This set and one more transaction. */
  with(transaction: string): GtidSet;
  /** This set and more transactions, in the order of the binlog. */
  withAll(transactions: readonly string[]): GtidSet;
  has(transaction: string): boolean;
  /** Whether every transaction of `other` is in this set. */
  covers(other: GtidSet): boolean;
  /** How many transactions of `other` are not in this set. File positions know only whether there are any: 0 or 1. */
  missing(other: GtidSet): number;
  /** Without the kind before it. */
  toString(): string;
}
