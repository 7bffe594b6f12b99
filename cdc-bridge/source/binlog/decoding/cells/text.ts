import type { Cell } from '../../../../mapping/row-change.ts';
import { isAsciiCompatible, textDecoder } from '../charsets/text-decoder.ts';
import type { Column } from '../table-decoder.ts';
import { undecodable } from '../undecodable.ts';

/** Longer texts are decoded at once: looking for the first byte that is not ASCII would cost more. */
const shortBytes = 256;

/** Reads text of the column's character set. `latin1` is the whole of `bytes` as latin1 text, or '' where nobody made it. */
export function textCell({ name, charset }: Column): (bytes: Buffer, latin1: string, from: number, to: number) => Cell {
  const decode = textDecoder(charset!);
  if (!decode) throw undecodable(`column ${name} is in the character set ${charset}, which is not known here`);
  if (!isAsciiCompatible(charset!)) return (bytes, _latin1, from, to) => decode(bytes, from, to);
  // Optimization: most text is ASCII, and a piece of a text that is there already costs a fraction of decoding one.
  return (bytes, latin1, from, to) => {
    if (latin1 === '' || to - from > shortBytes) return decode(bytes, from, to);
    for (let at = from; at < to; at += 1) if (bytes[at]! > 0x7f) return decode(bytes, from, to);
    return latin1.substring(from, to);
  };
}
