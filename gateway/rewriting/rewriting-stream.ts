import { Transform, type TransformCallback } from 'node:stream';
import type { UrlPattern } from './url-pattern.ts';
import { UrlRewriter } from './url-rewriter.ts';

/** A body's bytes with the URLs of a pattern replaced, as they stream. */
export class RewritingStream extends Transform {
  readonly #rewriter: UrlRewriter;

  constructor(pattern: UrlPattern) {
    super();
    this.#rewriter = new UrlRewriter(pattern);
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.#emit(this.#rewriter.write(chunk.toString('latin1')));
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#emit(this.#rewriter.end());
    done();
  }

  #emit(text: string): void {
    if (text !== '') this.push(Buffer.from(text, 'latin1'));
  }
}
