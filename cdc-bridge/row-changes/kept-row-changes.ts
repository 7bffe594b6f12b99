import { derivedId } from '../../contract/event-id.ts';
import { type EventLog, LogError, type StreamAppend } from '../../contract/event-log.ts';
import type { JsonObject } from '../../contract/json.ts';
import { rawTransaction, restoredTransaction, type TransactionStep } from './raw-transaction.ts';

const action = 'row-changes-kept';
/** One event may hold a piece of a transaction that fills megabytes. */
const pageSize = 20;

/** The stream of topic `row-changes` that a bridge keeps its transactions in. */
function streamOf(bridge: string): string {
  return `row-changes-${bridge}`;
}

/** Whole transactions share an event up to about this size of theirs in the binlog. */
const bytesPerEvent = 256 * 1024;

/**
 * What keeps these transactions on the log, to be appended with the events that are made of them and the position behind them. Kept are those
 * that have rows of a `wanted` table, or writes whose rows are unknown. The changes must have passed the shield. Optimization: whole
 * transactions share an event, since an event costs the log more than a small transaction; they are never read twice, for the position
 * is stored with them. A piece, which may be read again and then in another company, has one of its own.
 */
export function keptRowChanges(
  bridge: string,
  transactions: readonly TransactionStep[],
  wanted: (table: string) => boolean,
): StreamAppend[] {
  const kept: StreamAppend[] = [];
  let together: Kept[] = [];
  let bytes = 0;
  const close = () => {
    if (together.length > 0) kept.push(keep(bridge, together));
    together = [];
    bytes = 0;
  };
  for (const transaction of transactions) {
    const rows = transaction.rows.filter(({ table }) => wanted(table));
    if (rows.length + transaction.unread.length === 0) continue;
    if (transaction.piece) close();
    together.push({ transaction, rows });
    bytes += transaction.bytes;
    if (transaction.piece || bytes > bytesPerEvent) close();
  }
  close();
  return kept;
}

/** A transaction with those of its rows that are kept. */
interface Kept {
  readonly transaction: TransactionStep;
  readonly rows: TransactionStep['rows'];
}

function keep(bridge: string, together: readonly Kept[]): StreamAppend {
  const first = together[0]!.transaction;
  const last = together.at(-1)!.transaction;
  const transactions = together.map(({ transaction, rows }) => rawTransaction(transaction, rows));
  return {
    topic: 'row-changes',
    stream: streamOf(bridge),
    expect: 'any',
    events: [
      {
        id: derivedId(bridge, 'row-changes', first.name, last.name, first.piece?.index ?? 0),
        parent: last.name,
        action,
        data: { transactions },
        meta: { schema: 1, occurredAt: last.committedAt, origin: 'legacy-cdc', position: last.name },
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
  for await (const { transaction } of placedTransactions(log, bridge, after)) yield transaction;
}

/** A kept transaction, or piece of one, and where it is kept: which event of topic `row-changes`, and which of those that share it. */
export interface PlacedTransaction {
  readonly offset: number;
  readonly index: number;
  readonly transaction: TransactionStep;
}

/** The same, each with its place. */
export async function* placedTransactions(
  log: EventLog,
  bridge: string,
  after?: number,
): AsyncGenerator<PlacedTransaction> {
  const { offset: head } = await log.head('row-changes');
  let offset = after ?? (await log.tail('row-changes')).offset;
  let strict = after !== undefined;
  while (offset < head) {
    const page = await readPage(log, offset, strict);
    for (const { action: found, data, meta } of page) {
      if (meta.address.offset > head) return;
      if (found !== action || meta.stream !== streamOf(bridge)) continue;
      for (const [index, transaction] of (data.transactions as JsonObject[]).entries())
        yield { offset: meta.address.offset, index, transaction: restoredTransaction(transaction) };
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
