const longInteger = /(?<![\d.])-?\d{16,}(?![\d.eE])/g;

/**
 * Reads JSON without damage to whole numbers: those that a JavaScript number cannot hold come as their digits in a string. JSON.parse would round
 * them (Debezium writes nanoseconds, and BIGINT as numbers). Throws a SyntaxError as JSON.parse does.
 */
export function parseExactJson(text: string): unknown {
  return JSON.parse(withLongIntegersQuoted(text));
}

function withLongIntegersQuoted(text: string): string {
  let quoted = '';
  let at = 0;
  for (;;) {
    const open = text.indexOf('"', at);
    quoted += quoteLong(open < 0 ? text.slice(at) : text.slice(at, open));
    if (open < 0) return quoted;
    at = endOfString(text, open);
    quoted += text.slice(open, at);
  }
}

function quoteLong(between: string): string {
  if (between.length < 16) return between;
  return between.replace(longInteger, (digits) => (Number.isSafeInteger(Number(digits)) ? digits : `"${digits}"`));
}

/** The index behind the quote that closes the string opened at `open`: one with an even number of backslashes before it. */
function endOfString(text: string, open: number): number {
  let close = open;
  for (;;) {
    close = text.indexOf('"', close + 1);
    if (close < 0) return text.length;
    let backslashes = 0;
    while (text[close - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return close + 1;
  }
}
