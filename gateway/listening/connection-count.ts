/** How many connections are open, and how many of them each address holds. */
export class ConnectionCount {
  readonly #maxTotal: number;
  readonly #maxPerAddress: number;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(maxTotal: number, maxPerAddress: number) {
    this.#maxTotal = maxTotal;
    this.#maxPerAddress = maxPerAddress;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts a connection in; false when there are too many already, and nothing is counted. */
  enter(): boolean {
    if (this.#total >= this.#maxTotal) return false;
    this.#total += 1;
    return true;
  }

  leave(): void {
    this.#total -= 1;
  }

  /** Counts a connection to its address; false when that has too many already, and nothing is counted. */
  enterFrom(address: string): boolean {
    const open = this.#byAddress.get(address) ?? 0;
    if (open >= this.#maxPerAddress) return false;
    this.#byAddress.set(address, open + 1);
    return true;
  }

  leaveFrom(address: string): void {
    const open = this.#byAddress.get(address) ?? 0;
    if (open > 1) this.#byAddress.set(address, open - 1);
    else this.#byAddress.delete(address);
  }
}
