import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { ConnectionSettings } from '../../cdc-bridge/source/connection-settings.ts';

/** Packets as a MariaDB would send them, each answer beginning at the sequence number that its question asks for. */
export function answer(firstSequence: number, ...payloads: readonly Buffer[]): Buffer {
  return Buffer.concat(
    payloads.flatMap((payload, index) => {
      const header = Buffer.alloc(4);
      header.writeUIntLE(payload.length, 0, 3);
      header[3] = (firstSequence + index) & 0xff;
      return [header, payload];
    }),
  );
}

export const okPayload = Buffer.of(0, 0, 0, 2, 0, 0, 0);
export const endPayload = Buffer.of(0xfe, 0, 0, 2, 0);

export function errorPayload(number: number, message: string): Buffer {
  return Buffer.concat([Buffer.of(0xff, number & 0xff, number >> 8), Buffer.from(`#HY000${message}`)]);
}

export function greetingPayload(plugin = 'mysql_native_password'): Buffer {
  return Buffer.concat([
    Buffer.of(10),
    Buffer.from('5.5.5-10.11.19-MariaDB\0'),
    Buffer.of(1, 0, 0, 0),
    Buffer.from('abcdefgh\0'),
    Buffer.of(0xfe, 0xf7, 45, 2, 0, 0xff, 0x81, 21),
    Buffer.alloc(10),
    Buffer.from('ijklmnopqrst\0'),
    Buffer.from(`${plugin}\0`),
  ]);
}

function row(...cells: readonly string[]): Buffer {
  return Buffer.concat(cells.flatMap((cell) => [Buffer.of(cell.length), Buffer.from(cell)]));
}

function result(...cells: readonly string[]): Buffer {
  const column = Buffer.from('\x03def');
  return answer(1, Buffer.of(cells.length), ...cells.map(() => column), endPayload, row(...cells), endPayload);
}

/** An event of `type` with a header that tells its length. */
export function fakeEvent(type: number, body: Buffer, endPosition = 0): Buffer {
  const header = Buffer.alloc(19);
  header[4] = type;
  header.writeUInt32LE(header.length + body.length, 9);
  header.writeUInt32LE(endPosition, 13);
  return Buffer.concat([header, body]);
}

export function asPayload(event: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0), event]);
}

export const rotateEvent = fakeEvent(
  4,
  Buffer.concat([Buffer.from('0400000000000000', 'hex'), Buffer.from('binlog.000042crc!')]),
);

/** What a MariaDB says to a reader that logs in, prepares the dump and asks for it: one entry per packet of the reader's. */
export function conversation(dump: Buffer): Buffer[] {
  return [
    answer(0, greetingPayload()),
    answer(2, okPayload),
    result('10.11.19-MariaDB', '1'),
    answer(1, okPayload),
    answer(1, okPayload),
    answer(1, okPayload),
    result('CRC32'),
    dump,
  ];
}

export interface FakeDatabase {
  readonly settings: ConnectionSettings;
  stop(): Promise<void>;
}

/** A server that says the first part when a reader comes, and each next one when it hears something. */
export async function fakeDatabase(
  parts: readonly Buffer[],
  afterwards: (socket: Socket) => void = () => {},
): Promise<FakeDatabase> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let said = 0;
    const say = () => {
      if (said >= parts.length) return;
      socket.write(parts[said++]!);
      if (said === parts.length) afterwards(socket);
    };
    say();
    socket.on('data', say);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    settings: { host: '127.0.0.1', port, user: 'bridge', password: 'p', database: 'legacy', connectTimeoutMs: 10_000 },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
