/** Classes of bytes in a message's head, as bits: a byte may be of several. */
export const tokenByte = 1;
/** What may stand in a target: printable ASCII without the number sign, which begins what no client may send. */
export const targetByte = 2;
/** Tab, space, printable ASCII, and what is above ASCII (RFC 9110 section 5.5). */
export const valueByte = 4;
/** A letter, digit, dot, hyphen, underscore or tilde: what the name of a host is made of. */
export const hostByte = 8;

export const cr = 0x0d;
export const lf = 0x0a;
export const tab = 0x09;
export const space = 0x20;
export const colon = 0x3a;

/** The classes of each byte. Optimization: one look in a table in place of comparisons, for each byte of each head. */
export const classesOf = makeClasses();

function makeClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    const char = String.fromCharCode(byte);
    if (/[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(char)) classes[byte]! |= tokenByte;
    if (byte > space && byte < 0x7f && char !== '#') classes[byte]! |= targetByte;
    if (byte === tab || (byte >= space && byte !== 0x7f)) classes[byte]! |= valueByte;
    if (/[\w.~-]/.test(char)) classes[byte]! |= hostByte;
  }
  return classes;
}

/** Whether a token is a name given in lower case, whatever its own case. No other byte of a token becomes a letter or hyphen with that bit. */
export function isName(token: string, lower: string): boolean {
  if (token.length !== lower.length) return false;
  for (let at = 0; at < lower.length; at += 1) {
    if ((token.charCodeAt(at) | 0x20) !== lower.charCodeAt(at)) return false;
  }
  return true;
}

/** The number that a text of digits says: `0`, `17`, `017`; undefined for anything else and for more than 15 digits. */
export function decimal(text: string): number | undefined {
  if (text.length === 0 || text.length > 15) return undefined;
  let value = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}
