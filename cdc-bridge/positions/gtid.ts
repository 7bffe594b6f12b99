import { formatSourcePosition, parseSourcePosition, type SourcePosition } from '../../contract/source-position.ts';
import { FilePosition } from './file-position.ts';
import type { GtidSet } from './gtid-set.ts';

/** Reads the text that the server shows. Throws a RangeError that says what was found and what was expected. */
export function parseGtidSet(kind: 'mariadb' | 'mysql', text: string): GtidSet {
  const entries = text
    .replace(/\s/g, '')
    .split(',')
    .filter((entry) => entry !== '');
  return kind === 'mariadb' ? mariadb(entries) : mysql(entries);
}

/** The set that a source position stands for. */
export function gtidSetOf(position: SourcePosition): GtidSet {
  return position.kind === 'file'
    ? new FilePosition(position.server, position.file, position.offset)
    : parseGtidSet(position.kind, position.gtids);
}

/** The same from its text. Throws a RangeError that says what was found and what was expected. */
export function passedAt(position: string): GtidSet {
  return gtidSetOf(parseSourcePosition(position));
}

/** Of which kind a position is, from its text. Throws a RangeError that says what was found and what was expected. */
export function kindOf(position: string): SourcePosition['kind'] {
  return parseSourcePosition(position).kind;
}

/** The position that stands for a set, as text of contract/source-position.ts. */
export function positionText(set: GtidSet): string {
  return set instanceof FilePosition
    ? formatSourcePosition({ kind: 'file', server: set.server, file: set.file, offset: set.offset })
    : `${set.kind}:${set}`;
}

/** MariaDB: the last transaction of each domain stands for all before it; `0-1-57` is domain, server, sequence number. */
class MariadbPosition implements GtidSet {
  readonly kind = 'mariadb';
  readonly domains: ReadonlyMap<number, { server: number; sequence: bigint }>;
  constructor(domains: MariadbPosition['domains']) {
    this.domains = domains;
  }
  with(transaction: string): MariadbPosition {
    return this.withAll([transaction]);
  }
  withAll(transactions: readonly string[]): MariadbPosition {
    const domains = new Map(this.domains);
    for (const transaction of transactions) {
      const { domain, ...last } = parseMariadbGtid(transaction);
      domains.set(domain, last);
    }
    return new MariadbPosition(domains);
  }
  has(gtid: string): boolean {
    const { domain, sequence } = parseMariadbGtid(gtid);
    return sequence <= this.last(domain);
  }
  covers(other: GtidSet): boolean {
    return this.missing(other) === 0;
  }
  missing(other: GtidSet): number {
    const theirs = same(other, MariadbPosition);
    let missing = 0n;
    for (const [domain, { sequence }] of theirs.domains) {
      const behind = sequence - this.last(domain);
      if (behind > 0n) missing += behind;
    }
    return Number(missing);
  }
  last(domain: number): bigint {
    return this.domains.get(domain)?.sequence ?? 0n;
  }
  toString(): string {
    return [...this.domains]
      .sort(([a], [b]) => a - b)
      .map(([domain, { server, sequence }]) => `${domain}-${server}-${sequence}`)
      .join(',');
  }
}

function mariadb(entries: readonly string[]): MariadbPosition {
  return entries.reduce((position, entry) => position.with(entry), new MariadbPosition(new Map()));
}

function parseMariadbGtid(gtid: string): { domain: number; server: number; sequence: bigint } {
  const match = /^(?:mariadb:)?(\d{1,10})-(\d{1,10})-(\d{1,20})$/.exec(gtid);
  if (!match)
    throw new RangeError(`GTID: found ${JSON.stringify(gtid)}, expected DOMAIN-SERVER-SEQUENCE such as 0-1-57`);
  return { domain: Number(match[1]), server: Number(match[2]), sequence: BigInt(match[3]!) };
}

type Interval = readonly [from: bigint, to: bigint];

/** MySQL: intervals of transaction numbers per source, which is `UUID` or `UUID:tag`. */
class MysqlGtidSet implements GtidSet {
  readonly kind = 'mysql';
  readonly sources: ReadonlyMap<string, readonly Interval[]>;
  constructor(sources: MysqlGtidSet['sources']) {
    this.sources = sources;
  }
  with(transaction: string): MysqlGtidSet {
    return this.withAll([transaction]);
  }
  /** Optimization: numbers that follow the last one, as they nearly always do, only move its end. */
  withAll(transactions: readonly string[]): MysqlGtidSet {
    const sources = new Map(this.sources);
    for (const transaction of transactions) {
      const [source, number] = parseMysqlGtid(transaction);
      const intervals = sources.get(source) ?? [];
      const last = intervals.at(-1);
      const follows = last !== undefined && number === last[1] + 1n;
      sources.set(
        source,
        follows ? [...intervals.slice(0, -1), [last[0], number]] : merged([...intervals, [number, number]]),
      );
    }
    return new MysqlGtidSet(sources);
  }
  withInterval(source: string, interval: Interval): MysqlGtidSet {
    return new MysqlGtidSet(new Map(this.sources).set(source, merged([...this.intervals(source), interval])));
  }
  has(gtid: string): boolean {
    const [source, number] = parseMysqlGtid(gtid);
    return this.intervals(source).some(([from, to]) => from <= number && number <= to);
  }
  covers(other: GtidSet): boolean {
    return this.missing(other) === 0;
  }
  missing(other: GtidSet): number {
    let missing = 0n;
    for (const [source, theirs] of same(other, MysqlGtidSet).sources) {
      for (const interval of theirs) missing += size(interval) - overlap(interval, this.intervals(source));
    }
    return Number(missing);
  }
  intervals(source: string): readonly Interval[] {
    return this.sources.get(source) ?? [];
  }
  toString(): string {
    const entries = new Map<string, string>();
    for (const [source, list] of [...this.sources].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const uuid = source.slice(0, 36);
      entries.set(uuid, (entries.get(uuid) ?? uuid) + source.slice(36) + list.map(spelled).join(''));
    }
    return [...entries.values()].join(',');
  }
}

/** One entry is `UUID:1-5:7:tag:1-3`: numbers before the first tag belong to the plain source. */
function mysql(entries: readonly string[]): MysqlGtidSet {
  let set = new MysqlGtidSet(new Map());
  for (const entry of entries) {
    const [uuid = '', ...items] = entry.toLowerCase().split(':');
    if (!/^[0-9a-f-]{36}$/.test(uuid) || items.length === 0) {
      throw new RangeError(`GTID set: found ${JSON.stringify(entry)}, expected UUID:FROM-TO`);
    }
    let source = uuid;
    for (const item of items) {
      const range = /^(\d+)(?:-(\d+))?$/.exec(item);
      if (range) set = set.withInterval(source, [BigInt(range[1]!), BigInt(range[2] ?? range[1]!)]);
      else source = `${uuid}:${item}`;
    }
  }
  return set;
}

function parseMysqlGtid(gtid: string): [source: string, number: bigint] {
  const match = /^(?:mysql:)?([0-9a-f-]{36}(?::[a-z_][a-z0-9_]*)?):(\d+)$/.exec(gtid.toLowerCase());
  if (!match) throw new RangeError(`GTID: found ${JSON.stringify(gtid)}, expected UUID:NUMBER`);
  return [match[1]!, BigInt(match[2]!)];
}

function merged(intervals: readonly Interval[]): Interval[] {
  const result: [bigint, bigint][] = [];
  for (const [from, to] of [...intervals].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const last = result.at(-1);
    if (last && from <= last[1] + 1n) last[1] = to > last[1] ? to : last[1];
    else result.push([from, to]);
  }
  return result;
}

function size([from, to]: Interval): bigint {
  return to - from + 1n;
}

function overlap([from, to]: Interval, others: readonly Interval[]): bigint {
  let common = 0n;
  for (const [start, end] of others) {
    const low = start > from ? start : from;
    const high = end < to ? end : to;
    if (low <= high) common += high - low + 1n;
  }
  return common;
}

function spelled([from, to]: Interval): string {
  return from === to ? `:${from}` : `:${from}-${to}`;
}

function same<T extends GtidSet>(set: GtidSet, flavour: abstract new (...args: never[]) => T): T {
  if (set instanceof flavour) return set;
  throw new RangeError(`GTID sets of different flavours: ${set.kind} set ${set} cannot be compared`);
}
