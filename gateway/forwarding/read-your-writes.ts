import type { BridgeHeads } from './bridge-head.ts';

/** How long after a write its client's reads are held to have seen it. */
const rememberMs = 10_000;
/** Writers remembered at most; beyond it the oldest is forgotten. */
const maxWriters = 100_000;

interface Write {
  readonly untilMs: number;
  /** The log address that covers the write; undefined when the bridge could not say. */
  address: Promise<string | undefined>;
}

/** What a read must be answered from: anything, a log address, or not by the new side at all. */
export type ReadFrom =
  | { readonly kind: 'anywhere' }
  | { readonly kind: 'at-least'; readonly address: string }
  | { readonly kind: 'legacy' };

/**
 * Remembers who has just written through legacy, so that the same client's next reads see it on the new side too. The bridge is asked when
 * the write's answer arrives. Not covered: what legacy commits after it has answered. Memory is bounded.
 */
export class ReadYourWrites {
  readonly #heads: BridgeHeads;
  readonly #tell: (client: string, waitMs: number) => void;
  readonly #now: () => number;
  readonly #writes = new Map<string, Write>();

  /** `tell` passes on what was learned here. */
  constructor(
    heads: BridgeHeads,
    tell: (client: string, waitMs: number) => void = () => {},
    now: () => number = () => performance.now(),
  ) {
    this.#heads = heads;
    this.#tell = tell;
    this.#now = now;
  }

  /** A write of this client was answered by legacy just now. */
  wrote(client: string, waitMs: number): void {
    this.#tell(client, waitMs);
    this.wroteElsewhere(client, waitMs);
  }

  /** Another process has passed on that this client wrote. */
  wroteElsewhere(client: string, waitMs: number): void {
    this.#writes.delete(client);
    this.#writes.set(client, { untilMs: this.#now() + rememberMs, address: this.#heads.atLeast(waitMs) });
    this.#forget();
  }

  /** What a read by any of these names of one client must be answered from. Waits at most as long as the bridge was given. */
  async readFrom(clients: readonly string[], waitMs: number): Promise<ReadFrom> {
    const write = clients
      .map((client) => this.#writes.get(client))
      .find((found) => found && found.untilMs > this.#now());
    if (!write) return { kind: 'anywhere' };
    const address = await write.address;
    if (address !== undefined) return { kind: 'at-least', address };
    write.address = this.#heads.atLeast(waitMs);
    return { kind: 'legacy' };
  }

  /** Writes are in the order of their time: the first that is still young ends the search. */
  #forget(): void {
    for (const [client, { untilMs }] of this.#writes) {
      if (untilMs > this.#now() && this.#writes.size <= maxWriters) return;
      this.#writes.delete(client);
    }
  }
}
