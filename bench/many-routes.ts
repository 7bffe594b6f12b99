import { z } from 'zod';
import {
  type GatewayConfig,
  gatewayCapability,
  gatewayConfig,
  gatewayLegacy,
  gatewayListeners,
  gatewayTopLevel,
} from '../gateway/config.ts';

/** Signs what benches give to clients. */
export const secret = 'a secret of sixteen';

/** The flag that the routes of `manyRoutes` split by. */
export const flag = 'new-shipments';

/** A third of the routes each by path alone, by path and header, by path and cookie; a tenth of the paths ends in a prefix. */
export function manyRoutes(size: number): object[] {
  return Array.from({ length: size }, (_, index) => {
    const path = pathOf(index) + (index % 10 === 9 ? '/*' : '/{id}');
    const match = { method: 'GET', path };
    if (index % 3 === 1) return { name: `route ${index}`, match: { ...match, headers: { 'x-version': '2' } } };
    return { name: `route ${index}`, match: index % 3 === 2 ? { ...match, cookies: { beta: '1' } } : match };
  });
}

/** What the paths that the route at this place takes begin with. */
export function pathOf(index: number): string {
  return `/area-${index % 7}/things-${index}`;
}

/** A gateway's configuration with one capability, as `strangler.yaml` would say it. */
export function configurationOf(capability: object, folder = '/tmp', topLevel: object = {}): GatewayConfig {
  const schema = z.strictObject({
    legacy: z.strictObject(gatewayLegacy),
    listeners: z.strictObject(gatewayListeners).prefault({}),
    ...gatewayTopLevel,
    capabilities: z.record(z.string(), z.strictObject(gatewayCapability)),
  });
  const parsed = schema.parse({
    legacy: { url: 'http://127.0.0.1:8000' },
    capabilities: { shipments: { service: 'http://127.0.0.1:8082', ...capability } },
    ...topLevel,
  });
  const surroundings = { folder, dataDir: folder, adminToken: 'none', bridgeUrl: undefined };
  return gatewayConfig(parsed, { ...surroundings, secrets: [secret] });
}
