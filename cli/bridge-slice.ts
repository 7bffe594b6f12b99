import type { BridgeConfig, TablesConfig } from '../cdc-bridge/config.ts';
import type { Configuration } from './config/schema.ts';

/** The bridge's slice of a configuration: one bridge reads the tables of all capabilities. Only where `legacy.database` is set. */
export function bridgeConfig({ legacy, listeners, capabilities }: Configuration): BridgeConfig {
  const tables: TablesConfig = Object.assign(
    {},
    ...Object.values(capabilities).map((capability) => capability.tables ?? {}),
  );
  return { name: 'legacy', database: legacy.database!, tables, port: listeners.bridge.port };
}
