import { BridgeError } from '../../../errors.ts';
import type { OpenTransaction } from './open-transaction.ts';
import type { Passed } from './passed.ts';

interface Prepared {
  readonly transaction: OpenTransaction;
  /** What had passed before it was prepared. */
  readonly before: Passed;
}

/**
 * XA transactions that are prepared, by xid, until they are committed or rolled back. After a restart they are read again: from before the
 * oldest of them, which goes into every stored position.
 */
export class PreparedTransactions {
  readonly #held = new Map<string, Prepared>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Throws BridgeError `transaction-too-large`. */
  hold(xid: string, transaction: OpenTransaction, before: Passed): void {
    this.#bytes += transaction.bytes;
    if (this.#bytes > this.#maxBytes)
      throw new BridgeError(
        'transaction-too-large',
        `prepared XA transactions, the last of them ${xid}, hold ${this.#bytes} bytes, expected at most ${this.#maxBytes}`,
      );
    this.#held.set(xid, { transaction, before });
  }

  /** The rows prepared under the id, which are held no longer; undefined for one that was prepared before reading began. */
  release(xid: string): OpenTransaction | undefined {
    const prepared = this.#held.get(xid);
    if (!prepared) return undefined;
    this.#held.delete(xid);
    this.#bytes -= prepared.transaction.bytes;
    return prepared.transaction;
  }

  /** Where reading must begin after a restart, so that every one of them is met again. */
  get oldest(): Passed | undefined {
    for (const { before } of this.#held.values()) return before;
    return undefined;
  }
}
