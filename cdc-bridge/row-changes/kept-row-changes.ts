import { derivedId } from '../../contract/event-id.ts';
import { type EventLog, LogError, type StreamAppend } from '../../contract/event-log.ts';
import { rawTransaction, restoredTransaction, type TransactionStep } from './raw-transaction.ts';

const action = 'row-changes-kept';
/** One event may hold a piece of a transaction that fills megabytes. */
const pageSize = 20;

/** The stream of topic `row-changes` that a bridge keeps its transactions in. */
function streamOf(bridge: string): string {
  return `row-changes-${bridge}`;
}

/**
 * What keeps these transactions on the log, to be appended with the events that are made of them: one event for each transaction or piece
 * that has rows of a `wanted` table, or writes whose rows are unknown. The changes must have passed the shield.
 */
export function keptRowChanges(
  bridge: string,
  transactions: readonly TransactionStep[],
  wanted: (table: string) => boolean,
): StreamAppend[] {
  return transactions.flatMap((transaction) => {
    const rows = transaction.rows.filter(({ table }) => wanted(table));
    return rows.length + transaction.unread.length === 0 ? [] : [keep(bridge, transaction, rows)];
  });
}

function keep(bridge: string, transaction: TransactionStep, rows: TransactionStep['rows']): StreamAppend {
  const { name, committedAt, piece } = transaction;
  return {
    topic: 'row-changes',
    stream: streamOf(bridge),
    expect: 'any',
    events: [
      {
        id: derivedId(bridge, 'row-changes', name, piece?.index ?? 0),
        parent: name,
        action,
        data: rawTransaction(transaction, rows),
        meta: { schema: 1, occurredAt: committedAt, origin: 'legacy-cdc', position: name },
      },
    ],
  };
}

/**
 * The transactions that the log keeps of a bridge, in their order, up to the end that the log had when it was asked; those behind offset
 * `after` of topic `row-changes`, or all. They have passed the shield. Throws LogError `log-trimmed` when the front is trimmed faster than it is
 * read, unless nothing has been given out yet.
 */
export async function* recordedTransactions(
  log: EventLog,
  bridge: string,
  after?: number,
): AsyncGenerator<TransactionStep> {
  const { offset: head } = await log.head('row-changes');
  let offset = after ?? (await log.tail('row-changes')).offset;
  let strict = after !== undefined;
  while (offset < head) {
    const page = await readPage(log, offset, strict);
    for (const { action: found, data, meta } of page) {
      if (meta.address.offset > head) return;
      if (found === action && meta.stream === streamOf(bridge)) yield restoredTransaction(data);
    }
    offset = page.at(-1)?.meta.address.offset ?? head;
    strict = true;
  }
}

/** A page behind `offset`; when nothing was given out before, one behind the tail will do as well. */
async function readPage(log: EventLog, offset: number, strict: boolean): ReturnType<EventLog['read']> {
  for (let after = offset; ; after = (await log.tail('row-changes')).offset) {
    try {
      return await log.read('row-changes', after, pageSize);
    } catch (error) {
      if (strict || !(error instanceof LogError && error.code === 'log-trimmed')) throw error;
    }
  }
}
