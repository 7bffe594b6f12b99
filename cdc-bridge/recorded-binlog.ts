import { basename } from 'node:path';
import type { DatabaseConfig } from './config.ts';
import { openBinlogFile } from './source/binlog/binlog-file.ts';
import { TableDecoders } from './source/binlog/decoding/table-decoders.ts';
import { noHints, type TableHints } from './source/binlog/decoding/table-hints.ts';
import { transactionsOf } from './source/binlog/transactions/transactions-of.ts';
import type { SourceTransaction } from './source/change-source.ts';
import { connectionSettings } from './source/connection-settings.ts';

/** Where a binlog file begins, behind its magic number. */
const firstEvent = 4;

/** Above one of these a transaction comes in pieces. */
const pieceRows = 5_000;
const pieceBytes = 4 * 1024 * 1024;

/**
 * The transactions of a binlog file, as the bridge would read them from the server; they have not passed the shield. `hints` tell what the file does
 * not where `binlog_row_metadata` was not FULL. Throws BridgeError as the binlog source does.
 */
export async function* recordedBinlog(
  path: string,
  config: DatabaseConfig,
  hints: TableHints = noHints,
): AsyncGenerator<SourceTransaction> {
  const { maxEvent: maxEventBytes, maxHeld: maxHeldBytes } = config;
  const stream = await openBinlogFile(path, { maxEventBytes });
  const decoders = new TableDecoders(hints, stream.server.flavour);
  try {
    const batches = transactionsOf(stream, {
      database: connectionSettings(config).database,
      file: { name: basename(path), offset: firstEvent },
      decoderFor: (map) => decoders.for(map),
      staysOnRollback: () => undefined,
      undecodable: 'stop',
      limits: { pieceRows, pieceBytes, maxHeldBytes },
      maxEventBytes,
      reload: async () => {},
    });
    for await (const batch of batches) yield* batch;
  } finally {
    await stream.close();
  }
}
