import { parseSourcePosition } from '../../../contract/source-position.ts';
import type { DatabaseConfig } from '../../config.ts';
import { BridgeError } from '../../errors.ts';
import { type BinlogFile, requireSameServer } from '../../positions/cursor.ts';
import { gtidSetOf } from '../../positions/gtid.ts';
import { Catalogue } from '../catalogue.ts';
import type { ChangeSource, ResumePoint, SourceTransaction } from '../change-source.ts';
import { type ConnectionConfig, connectionSettings } from '../connection-settings.ts';
import type { LegacyDatabase } from '../legacy-database.ts';
import { openBinlogStream } from './connection/open-binlog-stream.ts';
import { TableDecoders } from './decoding/table-decoders.ts';
import type { BinlogRequest, BinlogStart } from './event-stream.ts';
import { TableEngines } from './table-engines.ts';
import { pieceLimits } from './transactions/transaction-assembly.ts';
import { transactionsOf } from './transactions/transactions-of.ts';

/** The server sends a heartbeat when it has been silent for this long. */
const heartbeatMs = 2_000;

/** How the binlog is read, as legacy.database says it. */
export type BinlogSourceConfig = ConnectionConfig &
  Pick<DatabaseConfig, 'serverId' | 'maxEvent' | 'maxHeld' | 'undecodable'>;

/**
 * Reads the binlog over one connection. Throws BridgeError: `legacy-unreachable` when the connection ends or stays silent,
 * `position-not-on-server`, `another-server`, `binlog-undecodable`, `binlog-corrupt`, `transaction-too-large`, `event-too-large`.
 * `database` is asked for what the binlog does not tell of the tables; `onConnected` is told when the server has begun to send.
 */
export function binlogSource(
  database: LegacyDatabase,
  config: BinlogSourceConfig,
  onConnected: () => void,
): ChangeSource {
  return { follow: (from, signal) => readBinlog(database, config, onConnected, from, signal) };
}

async function* readBinlog(
  database: LegacyDatabase,
  config: BinlogSourceConfig,
  onConnected: () => void,
  from: ResumePoint,
  signal: AbortSignal,
): AsyncGenerator<readonly SourceTransaction[], void, undefined> {
  const { serverId, maxEvent: maxEventBytes, maxHeld: maxHeldBytes, undecodable } = config;
  const settings = connectionSettings(config);
  const catalogue = await Catalogue.load(database);
  const engines = await TableEngines.load(database);
  const decoders = new TableDecoders(catalogue, database.identity.flavour);
  const start = startOf(from.resume ?? from.position);
  const request: BinlogRequest = { serverId, from: start, heartbeatMs, until: 'live', maxEventBytes };
  const stream = await openBinlogStream(settings, request, signal).catch(unlessAborted(signal));
  if (!stream) return;
  try {
    requireSameServer(database.identity, stream.server);
    onConnected();
    yield* transactionsOf(stream, {
      database: settings.database,
      from: gtidSetOf(parseSourcePosition(from.position)),
      ...(from.resume ? { resume: gtidSetOf(parseSourcePosition(from.resume)) } : {}),
      limits: { ...pieceLimits, maxHeldBytes },
      maxEventBytes,
      undecodable,
      decoderFor: (map) => decoders.for(map),
      staysOnRollback: (table) => engines.staysOnRollback(table),
      onFile: (file) => requireSameFile(from, file),
      async reload() {
        await Promise.all([catalogue.reload(), engines.reload()]);
      },
    });
  } finally {
    await stream.close();
  }
}

function unlessAborted(signal: AbortSignal): (error: unknown) => undefined {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

function startOf(text: string): BinlogStart {
  const position = parseSourcePosition(text);
  return position.kind === 'file'
    ? { kind: 'file', file: position.file, offset: position.offset }
    : { kind: 'gtid', flavour: position.kind, gtids: position.gtids };
}

function requireSameFile(from: ResumePoint, { name, createdAt }: BinlogFile): void {
  if (from.file?.name !== name || from.file.createdAt === createdAt) return;
  throw new BridgeError(
    'another-server',
    `binlog file ${name} was created at ${createdAt}, the stored position was taken from one created at ${from.file.createdAt}: the database was set up anew`,
  );
}
