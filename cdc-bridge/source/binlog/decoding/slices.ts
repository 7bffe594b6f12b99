/** Node's own ways from bytes to text, which its types leave out. */
interface Slices {
  latin1Slice(from: number, to: number): string;
  utf8Slice(from: number, to: number): string;
  base64Slice(from: number, to: number): string;
}

/** Optimization: what `toString` calls after looking at its arguments, which takes longer than a short text does. */
export const latin1 = (bytes: Buffer, from: number, to: number) => (bytes as unknown as Slices).latin1Slice(from, to);
export const utf8 = (bytes: Buffer, from: number, to: number) => (bytes as unknown as Slices).utf8Slice(from, to);
export const base64 = (bytes: Buffer, from: number, to: number) => (bytes as unknown as Slices).base64Slice(from, to);
