import type { Json } from '../../contract/json.ts';
import { compareNumbers } from './decimal.ts';

const textOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Whether a text may hold a number that JavaScript alters. Optimization: most JSON has short whole numbers only. */
const suspicious = /\d[.eE]|\d{16}|-0/;

/**
 * JSON text as a value in which nothing was rounded: a number that JavaScript would alter (-0, 2^53 + 1, twenty digits of a fraction) becomes its
 * text. Throws SyntaxError for what is no JSON.
 */
export function parseExactJson(text: string): Json {
  return JSON.parse(suspicious.test(text) ? quoteAltered(text) : text);
}

function quoteAltered(text: string): string {
  JSON.parse(text);
  return text.replace(textOrNumber, (token) => (token.startsWith('"') || isKept(token) ? token : `"${token}"`));
}

function isKept(token: string): boolean {
  const value = Number(token);
  return !Object.is(value, -0) && Number.isFinite(value) && compareNumbers(token, value) === 0;
}
