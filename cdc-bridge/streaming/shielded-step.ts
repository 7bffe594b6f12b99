import { compileShield, shieldedTables } from '../mapping/shield.ts';
import type { TablesConfig } from '../mapping/table-mapping.ts';
import type { TransactionStep } from '../row-changes/raw-transaction.ts';
import { changedStep, type UnreadWrite } from '../source/change-source.ts';

/**
 * Gives a step (a transaction, or a chunk of a snapshot) as it may be stored, logged and mapped: its rows have passed the shield, and the text of
 * a statement that may hold values of shielded columns is withheld. Not to be applied twice.
 */
export type StepShield = <T extends Shielded>(step: T) => T;

/** What of a step the shield touches. */
type Shielded = Pick<TransactionStep, 'rows' | 'covered'> & Partial<Pick<TransactionStep, 'unread'>>;

export function compileStepShield(tables: TablesConfig, hashKey: string | undefined): StepShield {
  const shielded = shieldedTables(tables);
  if (shielded.size === 0) return (step) => step;
  const shield = compileShield(tables, hashKey);
  return (step) => {
    const { covered } = step;
    const rows = step.rows.map(shield);
    return changedStep(step, {
      rows,
      ...(covered && { covered: new Set(rows.filter((_, index) => covered.has(step.rows[index]!))) }),
      ...(step.unread && { unread: step.unread.map((write) => withheld(write, shielded)) }),
    });
  };
}

/** A statement that clears tables names no values. One about unknown tables may be about a shielded one. */
function withheld(write: UnreadWrite, shielded: ReadonlySet<string>): UnreadWrite {
  if (write.reason === 'table-cleared') return write;
  if (write.tables && !write.tables.some((table) => table === '*' || shielded.has(table))) return write;
  const [verb = ''] = write.sql.trimStart().split(/\s/, 1);
  return {
    ...write,
    sql: `${verb.slice(0, 20)} … (the text is withheld: it may hold values that are not to be stored)`,
  };
}
