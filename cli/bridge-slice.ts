import type { BridgeConfig, MappingFunctions, TablesConfig } from '../cdc-bridge/config.ts';
import type { Configuration } from './config/schema.ts';

/** Names the bridge of a configuration: its position and the ids of its events. */
export const bridgeName = 'legacy';

/**
 * The bridge's slice of a configuration: one bridge reads the tables of all capabilities, and maps by the functions that they name. Only where
 * `legacy.database` is set.
 */
export function bridgeConfig(
  { legacy, listeners, capabilities }: Configuration,
  functions?: MappingFunctions,
): BridgeConfig {
  const tables = allTables(capabilities);
  return { name: bridgeName, database: legacy.database!, tables, functions, port: listeners.bridge.port };
}

/** The tables of all capabilities. */
export function allTables(capabilities: Configuration['capabilities']): TablesConfig {
  return Object.assign({}, ...Object.values(capabilities).map((capability) => capability.tables ?? {}));
}
