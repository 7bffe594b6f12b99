import { z } from 'zod';
import { port } from '../../runtime/config-values.ts';
import { cidr } from '../route-config.ts';
import type { Cidr } from '../routing/cidr.ts';

/** Value of the key `listeners.public`. */
export const publicListenerSchema = z
  .strictObject({
    port: port.default(8080).meta({ description: 'Where clients connect.' }),
    host: z.string().default('127.0.0.1').meta({ description: 'The address to listen on; 0.0.0.0 for all.' }),
    trustedProxies: z
      .array(cidr)
      .default([])
      .meta({ description: 'Peers whose forwarding headers and request ids are believed.' }),
  })
  .prefault({});

/** Where clients connect. */
export interface PublicListenerConfig {
  readonly port: number;
  readonly host: string;
  readonly trustedProxies: readonly Cidr[];
}
