import { z } from 'zod';
import { bridgeCapability, bridgeLegacy } from '../../cdc-bridge/config.ts';
import { logTopLevel } from '../../event-log/config.ts';
import { gatewayCapability, gatewayLegacy, gatewayListeners, gatewayTopLevel } from '../../gateway/config.ts';
import { upstreamUrl } from '../../gateway/forwarding/config.ts';
import { servicesTopLevel } from '../../new-services/config.ts';
import { port } from '../../runtime/config-values.ts';

/** One capability: the slice of the business that migrates together. Each part adds the keys it understands. */
export const capabilitySchema = z
  .strictObject({ ...gatewayCapability, ...bridgeCapability })
  .meta({ description: 'A slice of the business that migrates together: its routes, its tables, how they move.' });

const capabilityName = z
  .string()
  .regex(/^[a-z][a-z0-9-]*$/, 'a capability is named in lower case, such as "shipments"');

const legacyObject = z.strictObject({ ...gatewayLegacy, ...bridgeLegacy });
const legacySchema = z
  .union([upstreamUrl.transform((url) => ({ url })).pipe(legacyObject), legacyObject])
  .meta({ description: 'The legacy application: its origin, or a mapping with url and more.' });

/** Everything a user may write into strangler.yaml. `defaults` takes any key of a capability and is beneath each of them. */
export const configurationSchema = z.strictObject({
  legacy: legacySchema,
  listeners: z
    .strictObject({
      ...gatewayListeners,
      bridge: z
        .strictObject({
          port: port.default(8083).meta({ description: 'Where the bridge tells its status, on 127.0.0.1.' }),
        })
        .prefault({}),
    })
    .prefault({}),
  ...gatewayTopLevel,
  ...logTopLevel,
  ...servicesTopLevel,
  defaults: capabilitySchema
    .partial()
    .optional()
    .meta({ description: 'Any key of a capability; each capability inherits what it does not say itself.' }),
  capabilities: z.record(capabilityName, capabilitySchema).default({}),
});

/** What editors are told of a configuration file: there a capability may also be the name of its own file. */
export const editorSchema = configurationSchema.extend({
  capabilities: z.record(
    z.string(),
    z.union([z.string().meta({ description: 'A file beside this one that holds the capability.' }), capabilitySchema]),
  ),
});

/** A configuration that has been checked: defaults filled in, texts turned into numbers. */
export type Configuration = z.output<typeof configurationSchema>;
