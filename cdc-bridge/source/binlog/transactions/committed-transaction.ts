import type { RowChange } from '../../../mapping/row-change.ts';
import type { BinlogFile } from '../../../positions/cursor.ts';
import type { SourceTransaction, UnreadWrite } from '../../change-source.ts';
import type { Passed } from './passed.ts';

/** What is true of a transaction whatever it holds. */
export interface CommittedFacts {
  readonly name: string;
  readonly gtid: string;
  readonly passed: Passed;
  /** Before the oldest XA transaction that is prepared and neither committed nor rolled back. */
  readonly resume: Passed | undefined;
  readonly committedAt: string;
  readonly file: BinlogFile;
  readonly connection: number | undefined;
}

/** What a transaction holds, or one piece of it; what is absent is none. */
export interface Content {
  readonly rows?: readonly RowChange[];
  readonly unread?: readonly UnreadWrite[];
  readonly schemaChanges?: readonly string[];
  readonly unsettled?: string | undefined;
  readonly bytes?: number;
  readonly piece?: SourceTransaction['piece'];
  readonly xid?: string;
}

/**
 * A transaction as a binlog gives it. Optimization: its positions are spelled when they are asked for, which for most of a batch is never. They
 * are its own properties, so that a copy has them.
 */
export function committedTransaction(facts: CommittedFacts, content: Content): SourceTransaction {
  const { passed, resume } = facts;
  return {
    name: facts.name,
    gtid: facts.gtid,
    get position() {
      return passed.text;
    },
    get resume() {
      return resume?.text;
    },
    committedAt: facts.committedAt,
    file: facts.file,
    connection: facts.connection,
    rows: content.rows ?? [],
    unread: content.unread ?? [],
    schemaChanges: content.schemaChanges ?? [],
    unsettled: content.unsettled,
    bytes: content.bytes ?? 0,
    piece: content.piece,
    xid: content.xid,
  };
}
