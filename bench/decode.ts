import type { RowImages, TableDecoder } from '../cdc-bridge/source/binlog/decoding/table-decoder.ts';
import { TableDecoders } from '../cdc-bridge/source/binlog/decoding/table-decoders.ts';
import { noHints } from '../cdc-bridge/source/binlog/decoding/table-hints.ts';
import { recordBinlog } from './decode/recorded-binlog.ts';
import { asPacket, zongjiDecoder } from './decode/zongji.ts';
import { median } from './quantile.ts';
import type { Effort, Report } from './report.ts';

const bulkRows = 100_000;
const singleRows = 20_000;
const headerBytes = 19;
const checksumBytes = 4;
const tableMap = 19;
const writeRows = 23;

type Decode = (events: readonly Buffer[]) => number;

/**
 * What reading a row costs: table maps and rows events of a binlog that a real MariaDB wrote, decoded by us and by @vlasky/zongji in turn,
 * from the same bytes in memory, to objects with every column read. CPU time of this process, median of the rounds.
 */
export async function measureDecode({ pairs }: Effort): Promise<Report> {
  const recorded = await recordBinlog(bulkRows, singleRows);
  const zongji = await zongjiDecoder();
  const rows = Object.entries({
    'many rows in an event': recorded.bulk,
    'one row in a transaction': recorded.singleRow,
  }).map(([kind, all]) => {
    const events = all.filter((event) => event[4] === tableMap || event[4] === writeRows);
    const packets = events.map(asPacket);
    const turns = Array.from({ length: pairs + 1 }, () => ({
      ours: microsecondsARow(decodeRows, events),
      theirs: microsecondsARow(zongji, packets),
      json: microsecondsARow(writeJson, events),
      skipped: microsecondsARow(skipRows, events),
    })).slice(1);
    const [ours, theirs, json, skipped] = (['ours', 'theirs', 'json', 'skipped'] as const).map((side) =>
      median(turns.map((turn) => turn[side])),
    ) as [number, number, number, number];
    return [kind, ours, theirs, theirs / ours, json, skipped];
  });
  const columns = ['rows', 'objects', 'zongji, objects', 'zongji ÷ ours', 'Debezium’s JSON', 'row not asked for'];
  const title = 'µs of CPU time a row (10 columns, about 200 bytes), from table maps and rows events';
  return { bench: 'decode', tables: [{ title, columns, rows }] };
}

function microsecondsARow(decode: Decode, events: readonly Buffer[]): number {
  const before = process.cpuUsage();
  const rows = decode(events);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / rows;
}

function eachEvent(events: readonly Buffer[], take: (images: readonly RowImages[]) => void): number {
  const decoders = new TableDecoders(noHints, 'mariadb');
  let decoder: TableDecoder | undefined;
  let rows = 0;
  for (const event of events) {
    const body = event.subarray(headerBytes, event.length - checksumBytes);
    if (event[4] === tableMap) {
      decoder = decoders.for(body);
      continue;
    }
    const images = decoder!.rows(event[4]!, body);
    take(images);
    rows += images.length;
  }
  return rows;
}

const decodeRows: Decode = (events) =>
  eachEvent(events, (images) => {
    for (const image of images) if (!image.after) throw new Error('found an insert without its row');
  });

const writeJson: Decode = (events) =>
  eachEvent(events, (images) => {
    for (const image of images) if (!image.afterJson) throw new Error('found an insert without its row');
  });

const skipRows: Decode = (events) => eachEvent(events, () => {});
