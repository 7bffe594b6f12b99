import { dirname } from 'node:path';
import { type GatewayConfig, gatewayConfig } from '../gateway/config.ts';
import type { System } from './system.ts';

/** The gateway's slice of a configuration, with what this machine adds to it. */
export function gatewayConfigOf({
  configuration,
  path,
  dataDir,
  adminToken,
  secrets,
  addresses,
}: System): GatewayConfig {
  return gatewayConfig(configuration, {
    folder: dirname(path),
    dataDir,
    adminToken,
    secrets,
    bridgeUrl: addresses.bridge,
  });
}
