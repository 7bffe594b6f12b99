import { Transform, type TransformCallback } from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { BodyRules } from './config.ts';
import type { ContentCoding } from './content-coding.ts';

/** Below this a body may expand as it likes: short texts of one letter are no attack. */
const uncheckedBytes = 1024 * 1024;

/**
 * Undoes a content coding as the body streams, in bounded memory, and breaks off with a GatewayError when the body becomes longer than it
 * may, or is not what its coding says. An empty body stays empty.
 */
export class BoundedDecoder extends Transform {
  readonly #coding: ContentCoding;
  readonly #limits: BodyRules;
  #decoder: ReturnType<ContentCoding['decoder']> | undefined;
  #decodedBytes = 0;

  constructor(coding: ContentCoding, limits: BodyRules) {
    super();
    this.#coding = coding;
    this.#limits = limits;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.#decoder ??= this.#open(chunk);
    if (this.#decoder.write(chunk)) done();
    else this.#decoder.once('drain', () => done());
  }

  override _flush(done: TransformCallback): void {
    if (this.#decoder) this.#decoder.once('end', () => done()).end();
    else done();
  }

  override _read(size: number): void {
    this.#decoder?.resume();
    super._read(size);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#decoder?.destroy();
    done(error);
  }

  #open(first: Buffer): ReturnType<ContentCoding['decoder']> {
    const decoder = this.#coding.decoder(first);
    decoder.on('data', (decoded: Buffer) => {
      this.#decodedBytes += decoded.length;
      const found = this.#excess(decoder.bytesWritten);
      if (found !== undefined) this.destroy(new GatewayError('answer-expands', found));
      else if (!this.push(decoded)) decoder.pause();
    });
    decoder.on('error', (cause) => {
      const found = `the application's compressed body cannot be read (${(cause as NodeJS.ErrnoException).code})`;
      this.destroy(new GatewayError('upstream-bad-answer', found, { cause }));
    });
    return decoder;
  }

  #excess(encodedBytes: number): string | undefined {
    const { maxDecodedBytes, maxExpansion } = this.#limits;
    if (this.#decodedBytes > maxDecodedBytes) return `found a body of more than ${maxDecodedBytes} bytes when decoded`;
    if (this.#decodedBytes < uncheckedBytes || this.#decodedBytes <= maxExpansion * encodedBytes) return undefined;
    return `found a body that becomes more than ${maxExpansion} times as long when decoded`;
  }
}
