import type { Cell } from '../../../../mapping/row-change.ts';

/** The text of bytes `from` to `to`, the same that the server shows of it; Unreadable where they are no text of the character set. */
export type DecodeText = (bytes: Buffer, from: number, to: number) => Cell;
