import { ownCopy } from './own-copy.ts';

/**
 * A map by text that never holds more than twice `maxEntries`: when the younger half is full it becomes the older one and what was in the
 * older one is forgotten. An entry that is asked for stays.
 *
 * Optimization: a map in order of use would have to delete and insert at each look-up; here a look-up is one or two reads.
 */
export class BoundedCache<Value> {
  readonly #maxEntries: number;
  #younger = new Map<string, Value>();
  #older = new Map<string, Value>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get(key: string): Value | undefined {
    const value = this.#younger.get(key);
    if (value !== undefined) return value;
    const old = this.#older.get(key);
    if (old !== undefined) this.#keep(key, old);
    return old;
  }

  set(key: string, value: Value): void {
    this.#keep(ownCopy(key), value);
  }

  delete(key: string): void {
    this.#younger.delete(key);
    this.#older.delete(key);
  }

  clear(): void {
    this.#younger.clear();
    this.#older.clear();
  }

  #keep(key: string, value: Value): void {
    if (this.#younger.size >= this.#maxEntries && !this.#younger.has(key)) {
      this.#older = this.#younger;
      this.#younger = new Map();
    }
    this.#younger.set(key, value);
  }
}
