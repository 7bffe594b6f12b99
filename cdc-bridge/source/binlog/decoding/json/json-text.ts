import { type JsonBuilder, readBinaryJson } from './read-binary-json.ts';
import { quotedText } from './scalar-text.ts';

/** Writes a document as MySQL's SELECT does: `{"a": [1, 2.0]}`. */
export const textBuilder: JsonBuilder<string> = {
  leaf: (text) => text,
  array: (items) => `[${items.join(', ')}]`,
  object(keys, values) {
    let text = '{';
    for (let index = 0; index < keys.length; index++)
      text += `${index > 0 ? ', ' : ''}${quotedText(keys[index]!)}: ${values[index]}`;
    return `${text}}`;
  },
};

/** The text that SELECT shows of MySQL's binary JSON, `bytes` from `from` to before `to`. Throws a RangeError when they are none. */
export function jsonText(bytes: Buffer, from: number, to: number): string {
  return readBinaryJson(bytes, from, to, textBuilder);
}
