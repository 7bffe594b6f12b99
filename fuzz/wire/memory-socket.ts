import { Duplex } from 'node:stream';

/** A connection without a system behind it: what is pushed was received, what is written is kept as text (latin1). */
export class MemorySocket extends Duplex {
  readonly remoteAddress = '127.0.0.1';
  #written = '';

  get written(): string {
    return this.#written;
  }

  constructor() {
    super({ allowHalfOpen: true });
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  destroySoon(): void {
    this.destroy();
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.#written += bytes.toString('latin1');
    done();
  }
}
