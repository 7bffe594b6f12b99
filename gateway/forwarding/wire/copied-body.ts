import type { AnswerCopy } from '../forwarder.ts';

/** The first bytes of a body, copied while it passes. */
export class CopiedBody {
  readonly #pieces: Buffer[] = [];
  #room: number;
  #oversize = false;

  constructor(maxBytes: number) {
    this.#room = maxBytes;
  }

  add(bytes: Buffer, from: number, to: number): void {
    const kept = Math.min(this.#room, to - from);
    if (kept < to - from) this.#oversize = true;
    if (kept === 0) return;
    this.#pieces.push(Buffer.from(bytes.subarray(from, from + kept)));
    this.#room -= kept;
  }

  taken(): AnswerCopy {
    return { body: Buffer.concat(this.#pieces), oversize: this.#oversize };
  }
}
