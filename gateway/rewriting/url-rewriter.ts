import { lookBehind, type UrlPattern } from './url-pattern.ts';

/** What a match could begin with and go on with: a text that ends in this may end in the middle of one. */
const unfinished = /[hw/\\%][\w.~:/\\%[\]-]*$/i;

/** A whole text with its URLs replaced. */
export function rewriteUrls(text: string, pattern: UrlPattern): string {
  const rewriter = new UrlRewriter(pattern);
  return rewriter.write(text) + rewriter.end();
}

/**
 * Replaces URLs in a text that comes in pieces. However it is cut, the result is the same as for the whole; what is held back between two
 * pieces is only what may be the beginning of a match. A character stands for a byte (Latin-1), so that any encoding that keeps ASCII
 * passes through unharmed.
 */
export class UrlRewriter {
  readonly #pattern: UrlPattern;
  /** What came before and may decide on the next match; it is out already. */
  #before = '';
  #held = '';

  constructor(pattern: UrlPattern) {
    this.#pattern = pattern;
  }

  write(piece: string): string {
    const text = this.#held + piece;
    const tail = text.slice(-this.#pattern.maxLength);
    const undecided = tail.match(unfinished)?.[0].length ?? 0;
    return this.#replace(text, text.length - undecided);
  }

  end(): string {
    return this.#replace(this.#held, this.#held.length);
  }

  /** Replaces the matches that begin before `until`, and holds what stands from there on. */
  #replace(piece: string, until: number): string {
    const { replacement } = this.#pattern;
    const text = this.#before + piece;
    const start = this.#before.length;
    let done = start;
    let out = '';
    for (let found = this.#next(text, done); found; found = this.#next(text, done)) {
      if (found.index >= start + until) break;
      out += text.slice(done, found.index) + replacement(found);
      done = found.index + found[0].length;
    }
    const cut = Math.max(done, start + until);
    out += text.slice(done, cut);
    this.#before = text.slice(Math.max(0, cut - lookBehind), cut);
    this.#held = text.slice(cut);
    return out;
  }

  /** Optimization: the hint is found ten times as fast as a match, and most texts hardly have it. */
  #next(text: string, from: number): RegExpExecArray | null {
    const { expression, hint, maxLength } = this.#pattern;
    hint.lastIndex = from;
    const near = hint.exec(text);
    if (near === null) return null;
    expression.lastIndex = Math.max(from, near.index - maxLength);
    return expression.exec(text);
  }
}
