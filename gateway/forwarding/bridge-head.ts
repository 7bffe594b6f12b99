import { z } from 'zod';
import type { BridgeHead } from '../../contract/bridge-head.ts';
import { parseLogAddress } from '../../contract/log-address.ts';

const bridgeHead = z.object({
  position: z.string(),
  address: z.string().refine((text) => {
    try {
      return parseLogAddress(text).topic === 'domain';
    } catch {
      return false;
    }
  }),
}) satisfies z.ZodType<BridgeHead>;

/** How much longer than the wait asked for an answer may take before the bridge counts as silent. */
const graceMs = 250;

/** Asks the bridge from which log address on everything is seen that legacy has committed by now. */
export class BridgeHeads {
  readonly #bridgeUrl: string;
  readonly #next = new Map<number, Promise<string | undefined>>();

  constructor(bridgeUrl: string) {
    this.#bridgeUrl = bridgeUrl;
  }

  /**
   * The log address that covers every write committed before this call, or undefined when the bridge has not passed them within `waitMs`
   * or does not answer. Never rejects. Calls in the same tick share one request; a request already under way is too old to share.
   */
  atLeast(waitMs: number): Promise<string | undefined> {
    const waiting = this.#next.get(waitMs);
    if (waiting) return waiting;
    const asked = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#next.delete(waitMs);
      return this.#ask(waitMs);
    });
    this.#next.set(waitMs, asked);
    return asked;
  }

  async #ask(waitMs: number): Promise<string | undefined> {
    try {
      const answer = await fetch(`${this.#bridgeUrl}/head?waitMs=${Math.round(waitMs)}`, {
        signal: AbortSignal.timeout(waitMs + graceMs),
      });
      const body: unknown = await answer.json();
      return answer.ok ? bridgeHead.parse(body).address : undefined;
    } catch {
      return undefined;
    }
  }
}
