import { isUtf8 } from 'node:buffer';
import type { Cell } from '../../../../mapping/row-change.ts';
import { utf8 } from '../slices.ts';
import { notOf } from './single-byte.ts';

/** UTF-8 of up to three or four bytes. Surrogates and overlong forms are no text. */
export function decodeUtf8(bytes: Buffer, from: number, to: number): Cell {
  const text = utf8(bytes, from, to);
  // Optimization: only text with a replacement character can have had bad bytes.
  return text.includes('\ufffd') && !isUtf8(bytes.subarray(from, to)) ? notOf('utf8', bytes, from, to) : text;
}

/** UTF-16 with the high byte first. */
export function decodeUtf16(bytes: Buffer, from: number, to: number): Cell {
  if ((to - from) % 2 !== 0) return notOf('utf16', bytes, from, to);
  const text = Buffer.from(bytes.subarray(from, to)).swap16().toString('utf16le');
  return hasLoneSurrogate(text) ? notOf('utf16', bytes, from, to) : text;
}

/** UTF-16 with the low byte first. */
export function decodeUtf16le(bytes: Buffer, from: number, to: number): Cell {
  const text = bytes.toString('utf16le', from, to);
  return (to - from) % 2 !== 0 || hasLoneSurrogate(text) ? notOf('utf16le', bytes, from, to) : text;
}

/** The basic plane only, high byte first. */
export function decodeUcs2(bytes: Buffer, from: number, to: number): Cell {
  const text = decodeUtf16(bytes, from, to);
  return typeof text === 'string' && /[\ud800-\udfff]/.test(text) ? notOf('ucs2', bytes, from, to) : text;
}

/** Four bytes a character, the highest first. */
export function decodeUtf32(bytes: Buffer, from: number, to: number): Cell {
  if ((to - from) % 4 !== 0) return notOf('utf32', bytes, from, to);
  let text = '';
  for (let at = from; at < to; at += 4) {
    const code = bytes.readUInt32BE(at);
    if (code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff)) return notOf('utf32', bytes, at, to);
    text += String.fromCodePoint(code);
  }
  return text;
}

const loneSurrogate = /\p{Surrogate}/u;
const hasLoneSurrogate = (text: string) => loneSurrogate.test(text);
