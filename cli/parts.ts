import type { System } from './system.ts';

/** The parts that one process may hold. */
export const partNames = ['gateway', 'bridge', 'services'] as const;
export type PartName = (typeof partNames)[number];

/** Parts that this configuration asks for: the gateway always, the bridge with a database, the sample services when configured. */
export function configuredParts({ configuration: { legacy, services } }: System): PartName[] {
  const asked = { gateway: true, bridge: legacy.database !== undefined, services: services !== undefined };
  return partNames.filter((name) => asked[name]);
}
