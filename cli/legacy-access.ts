import type { DatabaseConfig } from '../cdc-bridge/config.ts';
import { connectionSettings } from '../cdc-bridge/source/connection-settings.ts';
import { LegacyDatabase } from '../cdc-bridge/source/legacy-database.ts';
import { CommandError } from './admin-client.ts';
import type { LoadedConfiguration } from './config/load.ts';

/** The legacy database that a configuration names; a CommandError where it names none. */
export function databaseOf({ configuration }: Pick<LoadedConfiguration, 'configuration'>): DatabaseConfig {
  const { database } = configuration.legacy;
  if (!database) throw new CommandError('this configuration has no legacy.database, so there are no tables to look at');
  return database;
}

/** Does some work with the legacy database; the connection is closed behind it. */
export async function withLegacyDatabase<T>(
  config: DatabaseConfig,
  work: (database: LegacyDatabase) => Promise<T>,
): Promise<T> {
  const database = await LegacyDatabase.connect(connectionSettings(config));
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
