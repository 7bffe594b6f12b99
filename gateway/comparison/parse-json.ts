import type { Json } from '../../contract/json.ts';

/** Deeper documents are compared as text: the walk over both is recursive. */
export const maxJsonDepth = 200;

/**
 * Parses JSON so that different numbers stay different: a number that a double cannot hold exactly (`12345678901234567891`) becomes
 * the text `number 12345678901234567891e0`. Undefined when the text is not JSON or nested deeper than `maxJsonDepth`.
 */
export function parseJson(text: string): Json | undefined {
  if (depthOf(text) > maxJsonDepth) return undefined;
  try {
    return JSON.parse(mayLoseDigits.test(text) ? text.replace(stringsAndNumbers, keepExact) : text) as Json;
  } catch {
    return undefined;
  }
}

const mayLoseDigits = /[\d.]{16}|\d[eE]/;
const stringsAndNumbers = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;

function keepExact(token: string): string {
  if (token.startsWith('"')) return token;
  const exact = decimal(token);
  return exact === decimal(String(Number(token))) ? token : `"number ${exact}"`;
}

/** The one spelling of a decimal number: its digits without outer zeros, and the exponent: `1.50e3` → `15e2`. */
function decimal(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) return text;
  const fraction = match[3] ?? '';
  const significant = (match[2]! + fraction).replace(/^0+/, '');
  const digits = trimZeros(significant);
  if (digits === '') return '0e0';
  const exponent = Number(match[4] ?? 0) - fraction.length + significant.length - digits.length;
  return `${match[1]}${digits}e${exponent}`;
}

/** Not `/0+$/`: that takes quadratic time on a long run of zeros followed by something else. */
function trimZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end -= 1;
  return digits.slice(0, end);
}

/** How deep brackets nest outside strings, before anything recursive touches the text. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === backslash) index += 1;
      else if (code === quote) inString = false;
    } else if (code === quote) inString = true;
    else if (code === openBrace || code === openBracket) deepest = Math.max(deepest, ++depth);
    else if (code === closeBrace || code === closeBracket) depth -= 1;
  }
  return deepest;
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d];
