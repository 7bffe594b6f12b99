import type { ServerIdentity } from '../../positions/cursor.ts';

/** The server that wrote the events; of a file only what the file itself tells: `id` is then always the numeric server_id. */
export interface BinlogServer extends ServerIdentity {
  /** `10.11.19-MariaDB-log`, `9.7.4`: as the server spells it. */
  readonly version: string;
}

/** Where a stream begins: after the transactions of a GTID set, or at the offset of an event in a file of the server's. */
export type BinlogStart =
  | { readonly kind: 'gtid'; readonly flavour: ServerIdentity['flavour']; readonly gtids: string }
  | { readonly kind: 'file'; readonly file: string; readonly offset: number };

/** What the server is asked for when a replication connection is opened. */
export interface BinlogRequest {
  /** The replica id; of two connections with the same one, the server ends the older. */
  readonly serverId: number;
  readonly from: BinlogStart;
  /** A server that has nothing to send says so this often; when it stays silent for four times as long, the connection is given up. */
  readonly heartbeatMs: number;
  /** `live` follows the binlog until closed; `end` ends where the binlog ends. */
  readonly until: 'live' | 'end';
  /** A larger event ends the stream with BridgeError `event-too-large`, before its bytes are taken into memory. */
  readonly maxEventBytes: number;
}

/**
 * Whole binlog events in order, heartbeats and artificial rotates included. Each Buffer begins at the 19-byte header and ends with the
 * checksum; it stays valid for as long as it is held, beside others of its chunk. The checksum is not verified here.
 *
 * Pull: what is not asked for is not read, up to a bound in bytes. `batches` may be called once; it ends at the end of the binlog where that
 * was asked for, or after `close`, and throws BridgeError otherwise. `close` ends the connection or file at once, and may be called twice.
 */
export interface BinlogEventStream {
  readonly server: BinlogServer;
  /** Whether events that come before the first format description (an artificial rotate) end with a CRC32; that event says it of those behind it. */
  readonly startsWithChecksums: boolean;
  batches(): AsyncIterable<readonly Buffer[]>;
  close(): Promise<void>;
}
