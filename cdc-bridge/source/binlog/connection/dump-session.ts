import { BridgeError } from '../../../errors.ts';
import type { BinlogRequest, BinlogServer } from '../event-stream.ts';
import { registerReplica } from './dump-command.ts';
import { malformed } from './packet-reader.ts';
import type { DatabaseSession } from './session.ts';

/** How long the server waits for a reader that takes nothing, because the log behind it is slow; by default it gives up after a minute. */
const writeTimeoutS = 3_600;
/** Events with GTIDs, as MariaDB 10.0 and later write them. */
const mariadbCapability = 4;

/** Who the server says it is. */
export async function identify(session: DatabaseSession): Promise<BinlogServer> {
  const [row] = await session.query('SELECT VERSION(), @@GLOBAL.server_id');
  const [version, serverId] = row ?? [];
  if (version === undefined || serverId === undefined) throw malformed('found no answer to VERSION() and server_id');
  if (/mariadb/i.test(version)) return { flavour: 'mariadb', version, id: serverId };
  const [uuid] = await session.query('SELECT @@GLOBAL.server_uuid');
  if (uuid?.[0] === undefined) throw malformed('found no answer to server_uuid');
  return { flavour: 'mysql', version, id: uuid[0] };
}

/**
 * Tells the server what we can take, before the dump: checksums as it writes them, so that damage on the way is seen; heartbeats; where to begin. Names that
 * begin with `source` are MySQL's since 8.0.26, those with `master` everybody's before; a variable that nobody reads does no harm.
 */
export async function prepareDump(
  session: DatabaseSession,
  { flavour }: BinlogServer,
  request: BinlogRequest,
): Promise<void> {
  const period = request.heartbeatMs * 1_000_000;
  await session.query(
    `SET @master_binlog_checksum = @@GLOBAL.binlog_checksum, @source_binlog_checksum = @@GLOBAL.binlog_checksum, @master_heartbeat_period = ${period}, @source_heartbeat_period = ${period}, SESSION net_write_timeout = ${writeTimeoutS}`,
  );
  if (request.from.kind === 'gtid') requireFlavour(flavour, request.from.flavour);
  if (flavour === 'mariadb') await prepareMariadb(session, request);
  await session.execute(
    registerReplica(request.serverId),
    'registering as a replica, for which the account needs REPLICATION SLAVE',
  );
}

/** Whether the events that the server makes up, which come before any format description, end with a checksum. */
export async function sendsChecksums(session: DatabaseSession): Promise<boolean> {
  const [row] = await session.query('SELECT @master_binlog_checksum');
  return row?.[0] === 'CRC32';
}

async function prepareMariadb(session: DatabaseSession, { from }: BinlogRequest): Promise<void> {
  const gtids = from.kind === 'gtid' ? mariadbPosition(from.gtids) : undefined;
  const start = gtids === undefined ? '' : `, @slave_connect_state = '${gtids}', @slave_gtid_strict_mode = 0`;
  await session.query(
    `SET @mariadb_slave_capability = ${mariadbCapability}, @slave_gtid_ignore_duplicates = 0${start}`,
  );
}

/** The position as SQL text: nothing but digits, hyphens and commas gets there. */
function mariadbPosition(gtids: string): string {
  const position = gtids.replace(/\s/g, '');
  if (/^(\d+-\d+-\d+(,\d+-\d+-\d+)*)?$/.test(position)) return position;
  throw new RangeError(`GTID position: found ${JSON.stringify(gtids)}, expected DOMAIN-SERVER-SEQUENCE such as 0-1-57`);
}

function requireFlavour(found: BinlogServer['flavour'], expected: BinlogServer['flavour']): void {
  if (found === expected) return;
  throw new BridgeError('another-server', `the position is one of ${expected}, the server is ${found}`);
}
