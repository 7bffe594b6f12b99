/** The parts of @vlasky/zongji that read an event; its entry does not export them, and they have no types. */
interface Internals {
  readonly Parser: new () => { append(bytes: Buffer): void };
  readonly packetClass: (reader: object) => new () => { parse(parser: object): void; getEvent(): ZongjiEvent };
}

interface ZongjiEvent {
  readonly tableId: number;
  readonly schemaName: string;
  readonly tableName: string;
  readonly rows: readonly object[];
  buildColumnSchemas(): object;
  updateColumnInfo(): void;
}

async function internals(): Promise<Internals> {
  const entry = import.meta.resolve('@vlasky/zongji');
  const [{ Parser }, { default: packetClass }] = await Promise.all([
    import(new URL('lib/reader.js', entry).href),
    import(new URL('lib/packet/binlog.js', entry).href),
  ]);
  return { Parser, packetClass };
}

const tableMap = 19;
/** Stands before each event in the replication protocol. */
const okMarker = Buffer.of(0);

/** Gives the way to decode table maps and rows events with zongji, into objects with its `dateStrings`; answers how many rows there were. */
export async function zongjiDecoder(): Promise<(events: readonly Buffer[]) => number> {
  const { Parser, packetClass } = await internals();
  const tables: Record<number, object> = {};
  const Packet = packetClass({
    tableMap: tables,
    useChecksum: true,
    _skipSchema: () => false,
    connection: { config: { dateStrings: true, supportBigNumbers: true } },
  });
  const decode = (packet: Buffer) => {
    const parser = new Parser();
    parser.append(packet);
    const read = new Packet();
    read.parse(parser);
    return read.getEvent();
  };
  return (events) => {
    let rows = 0;
    for (const packet of events) {
      const event = decode(packet);
      if (packet[5] !== tableMap) {
        rows += event.rows.length;
        continue;
      }
      const { schemaName: parentSchema, tableName } = event;
      tables[event.tableId] = { columnSchemas: event.buildColumnSchemas(), parentSchema, tableName };
      event.updateColumnInfo();
    }
    return rows;
  };
}

/** An event as it comes over the wire. */
export const asPacket = (event: Buffer) => Buffer.concat([okMarker, event]);
