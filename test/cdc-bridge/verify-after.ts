import type { Verdict } from '../../cdc-bridge/oracle/difference.ts';
import { verify } from '../../cdc-bridge/oracle/verify.ts';
import { binlogSource } from '../../cdc-bridge/source/binlog/binlog-source.ts';
import { connectionSettings } from '../../cdc-bridge/source/connection-settings.ts';
import { LegacyDatabase } from '../../cdc-bridge/source/legacy-database.ts';
import { bridgeConfig, type Legacy } from './legacy.ts';

/** Runs `write` on a legacy database between the oracle's two looks, and gives what it found. */
export async function verifyAfter(
  legacy: Legacy,
  write: () => Promise<void>,
  tables?: readonly string[],
): Promise<Verdict> {
  const config = bridgeConfig(legacy).database;
  const database = await LegacyDatabase.connect(connectionSettings(config));
  const source = binlogSource(database, config, () => {});
  try {
    return await verify(database, source, {
      ...(tables ? { tables } : {}),
      maxDifferences: 500,
      wait: write,
      onProgress: () => {},
      signal: AbortSignal.timeout(55_000),
    });
  } finally {
    await database.close();
  }
}
