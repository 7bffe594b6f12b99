/**
 * Formats of tables that MariaDB has from before 10.1 or makes with `mysql56_temporal_format=OFF`. Without a fraction decimal digits stand
 * as a number, the low byte first; with one, units of that fraction are counted, the high byte first. MariaDB: sql/field.cc, Field_*_hires.
 */
export interface OldFormat {
  readonly bytes: number;
  read(bytes: Buffer, at: number): string;
}

const pad = (value: number | bigint, digits: number) => `${value}`.padStart(digits, '0');

function fraction(units: number | bigint, digits: number): string {
  return digits === 0 ? '' : `.${pad(units, digits)}`;
}

/** TIME of type 11. */
export function oldTime(digits: number): OldFormat {
  if (digits === 0) return { bytes: 3, read: (bytes, at) => clock(bytes.readIntLE(at, 3)) };
  const length = [3, 4, 4, 5, 5, 5, 6][digits]!;
  const scale = 10 ** digits;
  const zero = (838 * 3600 + 59 * 60 + 59 + 1) * scale;
  const read = (bytes: Buffer, at: number) => {
    const value = bytes.readUIntBE(at, length) - zero;
    const units = Math.abs(value);
    const seconds = Math.floor(units / scale);
    const decimal = Math.floor(seconds / 3600) * 10_000 + (Math.floor(seconds / 60) % 60) * 100 + (seconds % 60);
    return `${value < 0 ? '-' : ''}${clock(decimal)}${fraction(units % scale, digits)}`;
  };
  return { bytes: length, read };
}

function clock(decimal: number): string {
  const value = Math.abs(decimal);
  const parts = [Math.floor(value / 10_000), Math.floor(value / 100) % 100, value % 100];
  return `${decimal < 0 ? '-' : ''}${parts.map((part) => pad(part, 2)).join(':')}`;
}

/** DATETIME of type 12. */
export function oldDatetime(digits: number): OldFormat {
  if (digits === 0) return { bytes: 8, read: (bytes, at) => dateAndTime(pad(bytes.readBigUInt64LE(at), 14)) };
  const length = [5, 6, 6, 7, 7, 7, 8][digits]!;
  const read = (bytes: Buffer, at: number) => {
    let rest = BigInt(`0x${bytes.toString('hex', at, at + length)}`);
    const next = (radix: bigint) => {
      const part = rest % radix;
      rest /= radix;
      return part;
    };
    const units = next(10n ** BigInt(digits));
    const [second, minute, hour, day, month] = [60n, 60n, 24n, 32n, 13n].map((radix) => pad(next(radix), 2));
    return `${pad(rest, 4)}-${month}-${day} ${hour}:${minute}:${second}${fraction(units, digits)}`;
  };
  return { bytes: length, read };
}

function dateAndTime(decimal: string): string {
  return decimal.replace(/^(\d+)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3 $4:$5:$6');
}

/** TIMESTAMP of type 7, in UTC. */
export function oldTimestamp(digits: number): OldFormat {
  const length = [0, 1, 1, 2, 2, 3, 3][digits]!;
  const read = (bytes: Buffer, at: number) => {
    const seconds = digits === 0 ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    const units = digits === 0 ? 0 : bytes.readUIntBE(at + 4, length);
    const zero = seconds === 0 && units === 0;
    const text = zero ? '0000-00-00 00:00:00' : new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
    return text + fraction(units, digits);
  };
  return { bytes: 4 + length, read };
}
