import { createHmac } from 'node:crypto';
import { BoundedCache } from './bounded-cache.ts';

const maxKnownUnits = 10_000;
/** Longer names are hashed each time, so that what is remembered stays small. */
const maxKeptLength = 512;

/** Where an assignment key came from; one that came from no valid cookie has to be given to the client. */
export type UnitOrigin = 'cookie' | 'user' | 'address' | 'made';

/** Makes the assignment keys of clients that came without a cookie. */
export class Units {
  readonly #salt: string;
  readonly #random: (bytes: number) => Buffer;
  readonly #known = new BoundedCache<string>(maxKnownUnits);

  /** `random` gives the number of bytes asked for. */
  constructor(salt: string, random: (bytes: number) => Buffer) {
    this.#salt = salt;
    this.#random = random;
  }

  /** A user's key: the same on every device. */
  ofUser(user: string): string {
    return this.#derived(`user ${user}`);
  }

  /** The key of a client that keeps no cookies: the same for each of its requests. Neither address nor agent can be read from it. */
  ofAddress(address: string, userAgent: string): string {
    return this.#derived(`agent ${address} ${userAgent}`);
  }

  /** A key of nobody in particular, which nobody can guess. */
  make(): string {
    return this.#random(16).toString('base64url');
  }

  #derived(name: string): string {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const key = createHmac('sha256', this.#salt).update(name).digest().subarray(0, 16).toString('base64url');
    if (name.length <= maxKeptLength) this.#known.set(name, key);
    return key;
  }
}
