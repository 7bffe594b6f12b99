import { createHash } from 'node:crypto';

/**
 * Signs as MariaDB's client_ed25519 does: Ed25519 (RFC 8032 section 5.1.6), where the SHA-512 of the whole password is the expanded secret.
 * node:crypto cannot: it expands a secret of exactly 32 bytes. Plain big integers take a few milliseconds, once a connection; they are not
 * constant-time, which matters to nobody who can only see the network.
 */
export function ed25519Signature(password: Buffer, message: Buffer): Buffer {
  const expanded = sha512(password);
  const secret = clamped(expanded.subarray(0, 32));
  const nonce = scalarOf(sha512(expanded.subarray(32), message)) % order;
  const commitment = encoded(times(nonce, base));
  const publicKey = encoded(times(secret, base));
  const challenge = scalarOf(sha512(commitment, publicKey, message)) % order;
  return Buffer.concat([commitment, littleEndian((nonce + challenge * secret) % order)]);
}

/** A point of the curve in extended coordinates: x = X/Z, y = Y/Z, T = XY/Z (RFC 8032 section 5.1.4). */
type Point = readonly [X: bigint, Y: bigint, Z: bigint, T: bigint];

const prime = 2n ** 255n - 19n;
const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
const d = modulo(-121_665n * inverse(121_666n));
const baseX = 15_112_221_349_535_400_772_501_151_409_588_531_511_454_012_693_041_857_206_046_113_283_949_847_762_202n;
const baseY = modulo(4n * inverse(5n));
const base: Point = [baseX, baseY, 1n, modulo(baseX * baseY)];

function add([x1, y1, z1, t1]: Point, [x2, y2, z2, t2]: Point): Point {
  const a = modulo((y1 - x1) * (y2 - x2));
  const b = modulo((y1 + x1) * (y2 + x2));
  const c = modulo(2n * t1 * d * t2);
  const e = modulo(2n * z1 * z2);
  const [f, g, h, i] = [b - a, e - c, e + c, b + a];
  return [modulo(f * g), modulo(h * i), modulo(g * h), modulo(f * i)];
}

function times(scalar: bigint, point: Point): Point {
  let sum: Point = [0n, 1n, 1n, 0n];
  for (let [left, power] = [scalar, point]; left > 0n; left >>= 1n, power = add(power, power)) {
    if (left & 1n) sum = add(sum, power);
  }
  return sum;
}

/** The y coordinate, with the lowest bit of x on top. */
function encoded([x, y, z]: Point): Buffer {
  const scale = inverse(z);
  const bytes = littleEndian(modulo(y * scale));
  if (modulo(x * scale) & 1n) bytes[31]! |= 0x80;
  return bytes;
}

function clamped(bytes: Buffer): bigint {
  const key = Buffer.from(bytes);
  key[0]! &= 0xf8;
  key[31] = (key[31]! & 0x3f) | 0x40;
  return scalarOf(key);
}

function scalarOf(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function littleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}

function sha512(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function modulo(value: bigint): bigint {
  const rest = value % prime;
  return rest < 0n ? rest + prime : rest;
}

/** By Fermat: value to the power of prime − 2. */
function inverse(value: bigint): bigint {
  let result = 1n;
  for (let [left, power] = [prime - 2n, modulo(value)]; left > 0n; left >>= 1n, power = modulo(power * power)) {
    if (left & 1n) result = modulo(result * power);
  }
  return result;
}
