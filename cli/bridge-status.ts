import type { BridgeStatus } from '../cdc-bridge/status.ts';
import { ask, CommandError } from './admin-client.ts';
import type { System } from './system.ts';

/** Asks the running bridge where it is. */
export function bridgeStatus({ addresses }: System): Promise<BridgeStatus> {
  if (!addresses.bridge) throw new CommandError('this configuration has no legacy.database, so there is no bridge');
  return ask<BridgeStatus>(addresses.bridge, 'GET', '/status', {}, undefined, 'the bridge');
}
