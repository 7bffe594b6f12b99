import { tmpdir } from 'node:os';
import { z } from 'zod';
import {
  type GatewayConfig,
  gatewayCapability,
  gatewayConfig,
  gatewayLegacy,
  gatewayListeners,
  gatewayTopLevel,
} from '../../gateway/config.ts';

/** The gateway's part of the configuration, as the command line joins it. */
export const gatewaySchema = z.strictObject({
  legacy: z.strictObject(gatewayLegacy),
  listeners: z.strictObject(gatewayListeners).prefault({}),
  ...gatewayTopLevel,
  capabilities: z.record(z.string(), z.strictObject(gatewayCapability)).default({}),
});

/** Signs cookies and users in tests. */
export const secret = 'a secret of sixteen';

/** A complete configuration from what a user would write; listeners on free ports unless said otherwise. */
export function configure(
  written: object,
  { dataDir = tmpdir(), bridgeUrl }: { dataDir?: string; bridgeUrl?: string | undefined } = {},
): GatewayConfig {
  const freePorts = { listeners: { public: { port: 0 }, admin: { port: 0 } } };
  const quiet = { legacy: { url: 'http://127.0.0.1:8000' }, accessLog: 'off' };
  const parsed = gatewaySchema.parse({ ...quiet, ...freePorts, ...written });
  return gatewayConfig(parsed, {
    folder: dataDir,
    dataDir,
    adminToken: 'token',
    secrets: parsed.identity.secret ?? [secret],
    bridgeUrl,
  });
}
