import type { GtidSet } from './gtid-set.ts';

/**
 * All transactions up to an offset in one server's binlog files: the position of a server without GTIDs. Another server's files say nothing
 * about it, so every comparison throws a RangeError unless both are of one server and one series of files.
 */
export class FilePosition implements GtidSet {
  readonly kind = 'file';
  readonly server: string;
  readonly file: string;
  readonly offset: number;

  constructor(server: string, file: string, offset: number) {
    this.server = server;
    this.file = file;
    this.offset = offset;
  }

  /** `transaction` is the place where it ends. */
  with(transaction: string): FilePosition {
    const { file, offset } = this.#sameServer(parseFileTransaction(transaction));
    return new FilePosition(this.server, file, offset);
  }

  withAll(transactions: readonly string[]): FilePosition {
    const last = transactions.at(-1);
    return last === undefined ? this : this.with(last);
  }

  /** `transaction` is the place where it begins, which is its name. */
  has(transaction: string): boolean {
    const { server, file, offset } = parseFileTransaction(transaction);
    return this.#isBehind(new FilePosition(server, file, offset + 1));
  }

  covers(other: GtidSet): boolean {
    return this.missing(other) === 0;
  }

  missing(other: GtidSet): number {
    if (!(other instanceof FilePosition)) throw new RangeError(`${other.kind} positions cannot be compared with files`);
    return this.#isBehind(other) ? 0 : 1;
  }

  toString(): string {
    return `${this.server}@${this.file}:${this.offset}`;
  }

  /** Whether this position is at or behind the other. */
  #isBehind(other: FilePosition): boolean {
    const { file, offset } = this.#sameServer(other);
    const [ours, theirs] = [fileNumber(this.file), fileNumber(file)];
    if (ours.series !== theirs.series)
      throw new RangeError(`binlog files of different series cannot be compared: ${this.file} and ${file}`);
    return ours.number === theirs.number ? this.offset >= offset : ours.number > theirs.number;
  }

  #sameServer(other: FilePosition): FilePosition {
    if (other.server === this.server) return other;
    throw new RangeError(`binlog files of server ${this.server} and of server ${other.server} cannot be compared`);
  }
}

function parseFileTransaction(name: string): FilePosition {
  const match = /^(?:file:)?([^@]+)@([^:]+):(\d+)$/.exec(name);
  if (!match) throw new RangeError(`binlog position: found ${JSON.stringify(name)}, expected SERVER@FILE:OFFSET`);
  return new FilePosition(match[1]!, match[2]!, Number(match[3]));
}

/** `binlog.000123` is number 123 of the series `binlog`. */
function fileNumber(file: string): { series: string; number: number } {
  const match = /^(.*)\.(\d+)$/.exec(file);
  if (!match)
    throw new RangeError(`binlog file: found ${JSON.stringify(file)}, expected a name with a number at its end`);
  return { series: match[1]!, number: Number(match[2]) };
}
