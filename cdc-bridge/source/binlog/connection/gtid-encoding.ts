/**
 * A MySQL GTID set as COM_BINLOG_DUMP_GTID carries it (sql/rpl_gtid_set.cc, Gtid_set::encode). All numbers are 8 bytes, least byte first:
 *
 *   number of sources
 *   per source: UUID (16 bytes), number of intervals, per interval its first number and the one after its last
 *
 * As soon as one source has a tag (MySQL 8.3 and later), the first number is 1 in its highest and lowest byte with the count between
 * them, and every UUID is followed by its tag: a byte of twice its length, then its letters. Servers before 8.3 refuse that form, so it is
 * not used without need.
 */
export function encodeMysqlGtids(gtids: string): Buffer {
  const sources = sourcesOf(gtids);
  const tagged = [...sources.keys()].some((source) => source.length > uuidLength);
  const count = BigInt(sources.size);
  const parts = [uint64(tagged ? (1n << 56n) | (count << 8n) | 1n : count)];
  for (const [source, intervals] of sources) {
    parts.push(Buffer.from(source.slice(0, uuidLength).replaceAll('-', ''), 'hex'));
    if (tagged) parts.push(encodedTag(source.slice(uuidLength + 1)));
    parts.push(uint64(BigInt(intervals.length)));
    for (const [first, last] of intervals) parts.push(uint64(first), uint64(last + 1n));
  }
  return Buffer.concat(parts);
}

const uuidLength = 36;

type Interval = readonly [first: bigint, last: bigint];

/** Reads `UUID:1-5:7:tag:1-3,UUID:…`: intervals by `UUID` or `UUID:tag`, ascending and apart, as the server wants them. */
function sourcesOf(gtids: string): Map<string, Interval[]> {
  const sources = new Map<string, Interval[]>();
  for (const entry of gtids.toLowerCase().replace(/\s/g, '').split(',')) {
    if (entry === '') continue;
    const [uuid = '', ...items] = entry.split(':');
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) throw unreadable(entry);
    let source = uuid;
    for (const item of items) {
      if (/^[a-z_][a-z0-9_]{0,31}$/.test(item)) source = `${uuid}:${item}`;
      else sources.set(source, [...(sources.get(source) ?? []), intervalOf(item, entry)]);
    }
  }
  return new Map([...sources].map(([source, intervals]) => [source, joined(intervals)]));
}

function intervalOf(item: string, entry: string): Interval {
  const range = /^(\d+)(?:-(\d+))?$/.exec(item);
  if (!range) throw unreadable(entry);
  return [BigInt(range[1]!), BigInt(range[2] ?? range[1]!)];
}

function joined(intervals: readonly Interval[]): Interval[] {
  const result: [bigint, bigint][] = [];
  for (const [first, last] of [...intervals].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const before = result.at(-1);
    if (!before || first > before[1] + 1n) result.push([first, last]);
    else if (last > before[1]) before[1] = last;
  }
  return result;
}

function encodedTag(tag: string): Buffer {
  return Buffer.concat([Buffer.of(tag.length << 1), Buffer.from(tag)]);
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function unreadable(entry: string): RangeError {
  return new RangeError(`GTID set: found ${JSON.stringify(entry)}, expected UUID:FROM-TO or UUID:tag:FROM-TO`);
}
