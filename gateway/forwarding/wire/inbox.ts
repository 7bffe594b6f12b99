const nothing = Buffer.alloc(0);

/** What a client has sent and nobody has taken yet. */
export class Inbox {
  readonly #pieces: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** Everything in one piece; it stays here. */
  whole(): Buffer {
    if (this.#pieces.length > 1) this.#pieces.splice(0, this.#pieces.length, Buffer.concat(this.#pieces));
    return this.#pieces[0] ?? nothing;
  }

  /** Takes the next bytes, at most `maxBytes`, as they came; undefined when there are none. */
  take(maxBytes: number): Buffer | undefined {
    const first = this.#pieces[0];
    if (first === undefined || maxBytes === 0) return undefined;
    const taken = first.length <= maxBytes ? first : first.subarray(0, maxBytes);
    if (taken === first) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(maxBytes);
    this.#length -= taken.length;
    return taken;
  }
}
