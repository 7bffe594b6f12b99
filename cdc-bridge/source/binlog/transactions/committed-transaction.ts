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
 * are getters of the class: as each transaction's own they took a tenth of the time of reading it. A copy is made by `changedStep`.
 */
export class CommittedTransaction implements SourceTransaction {
  readonly name: string;
  readonly gtid: string;
  readonly committedAt: string;
  readonly file: BinlogFile;
  readonly rows: readonly RowChange[];
  readonly unread: readonly UnreadWrite[];
  readonly schemaChanges: readonly string[];
  readonly bytes: number;
  readonly connection: number | undefined;
  readonly unsettled: string | undefined;
  readonly piece: SourceTransaction['piece'];
  readonly xid: string | undefined;
  private readonly passed: Passed;
  private readonly resumeFrom: Passed | undefined;

  constructor(facts: CommittedFacts, content: Content) {
    this.name = facts.name;
    this.gtid = facts.gtid;
    this.committedAt = facts.committedAt;
    this.file = facts.file;
    this.rows = content.rows ?? none;
    this.unread = content.unread ?? none;
    this.schemaChanges = content.schemaChanges ?? none;
    this.bytes = content.bytes ?? 0;
    this.passed = facts.passed;
    this.resumeFrom = facts.resume;
    this.connection = facts.connection;
    this.unsettled = content.unsettled;
    this.piece = content.piece;
    this.xid = content.xid;
  }

  get position(): string {
    return this.passed.text;
  }

  get resume(): string | undefined {
    return this.resumeFrom?.text;
  }
}

const none: readonly never[] = [];
