import { BridgeError } from '../../../errors.ts';
import type { BinlogRequest } from '../event-stream.ts';
import { encodeMysqlGtids } from './gtid-encoding.ts';

const comBinlogDump = 0x12;
const comRegisterReplica = 0x15;
const comBinlogDumpGtid = 0x1e;

/** The dump ends where the binlog ends. */
const nonBlocking = 1;
/** MariaDB: the text of statements comes before their rows. */
const annotateRows = 2;
/** The first event of a file stands behind the magic number. */
const firstOffset = 4;

/** Shows us in SHOW REPLICAS, and tells at once when the account may not read the binlog. Names, port and rank are left empty. */
export function registerReplica(serverId: number): Buffer {
  const bytes = Buffer.alloc(18);
  bytes[0] = comRegisterReplica;
  bytes.writeUInt32LE(serverId, 1);
  return bytes;
}

/** Begins the dump. For MariaDB a set of GTIDs is in the session already: see dump-session.ts. */
export function dumpCommand(flavour: 'mariadb' | 'mysql', { from, serverId, until }: BinlogRequest): Buffer {
  const flags = (until === 'end' ? nonBlocking : 0) | (flavour === 'mariadb' ? annotateRows : 0);
  if (from.kind === 'file') return dumpFrom(from.file, from.offset, flags, serverId);
  return flavour === 'mariadb' ? dumpFrom('', firstOffset, flags, serverId) : dumpAfter(from.gtids, flags, serverId);
}

/** Layout: command (1), offset (4), flags (2), server id (4), file (to the end). */
function dumpFrom(file: string, offset: number, flags: number, serverId: number): Buffer {
  if (offset > 0xffff_ffff) throw beyondReach(file, offset);
  const bytes = Buffer.alloc(11);
  bytes[0] = comBinlogDump;
  bytes.writeUInt32LE(offset, 1);
  bytes.writeUInt16LE(flags, 5);
  bytes.writeUInt32LE(serverId, 7);
  return Buffer.concat([bytes, Buffer.from(file)]);
}

/** Layout: command (1), flags (2), server id (4), length of the file's name (4), name, offset (8), length of the set (4), set. */
function dumpAfter(gtids: string, flags: number, serverId: number): Buffer {
  const set = encodeMysqlGtids(gtids);
  const bytes = Buffer.alloc(23);
  bytes[0] = comBinlogDumpGtid;
  bytes.writeUInt16LE(flags, 1);
  bytes.writeUInt32LE(serverId, 3);
  bytes.writeUInt32LE(firstOffset, 11);
  bytes.writeUInt32LE(set.length, 19);
  return Buffer.concat([bytes, set]);
}

function beyondReach(file: string, offset: number): BridgeError {
  return new BridgeError(
    'position-not-on-server',
    `binlog: offset ${offset} of ${file} cannot be asked for, the protocol has 32 bits: use a GTID position`,
  );
}
