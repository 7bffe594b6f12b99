/**
 * What may not stand as it is in a line of a log: what JSON escapes, and what a terminal or an editor would act on (C1 controls, line and
 * paragraph separators, changes of direction). Surrogates are here because only pairs of them are text.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const unsafe = /[\x00-\x1f"\\\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]/;
const leftByStringify = /[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** What stands between the quotes of a text's JSON string, on one line; parsing gives the same text back, whatever it holds. */
export function jsonContent(text: string): string {
  if (!unsafe.test(text)) return text;
  return JSON.stringify(text).slice(1, -1).replace(leftByStringify, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
