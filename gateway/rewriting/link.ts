/**
 * One `<…>` of a Link field and its parameters up to the next link (RFC 8288 section 3): `<URI>; rel="next"; title="a, <b>"`. A comma ends
 * a link only outside of quotes.
 */
const oneLink = /([\s,]*<)([^<>]*)(>(?:"(?:[^"\\]|\\.)*"|[^",])*)/gy;
/** A parameter that is a URL too: the link's context. */
const anchor = /(;\s*anchor\s*=\s*")([^"\\]*)(")/i;

/** A Link field's value with each of its URLs given through `change`; from where it is not well-formed on, it stays as it is. */
export function changeLinks(value: string, change: (url: string) => string): string {
  let out = '';
  let end = 0;
  for (const [whole, before, url, rest] of value.matchAll(oneLink)) {
    const parameters = rest!.replace(anchor, (_, start: string, context: string, quote: string) => {
      return start + change(context) + quote;
    });
    out += before! + change(url!) + parameters;
    end += whole.length;
  }
  return out + value.slice(end);
}
