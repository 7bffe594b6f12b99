import { z } from 'zod';
import { duration, port } from '../runtime/config-values.ts';

/** Largest value of INT UNSIGNED, the legacy key's type: a key beyond it could never be written back. */
const largestLegacyKey = 4_294_967_295;

const key = z.int('expected a whole number').min(1).max(largestLegacyKey);

const keyRange = z
  .strictObject({
    keysFrom: key.default(1_000_000_000).meta({ description: 'First key of records created on the new side.' }),
    keysTo: key.default(1_999_999_999).meta({ description: 'Last key of records created on the new side.' }),
  })
  .refine(({ keysFrom, keysTo }) => keysFrom <= keysTo, {
    path: ['keysTo'],
    message: 'expected keysTo to be at least keysFrom',
  })
  .meta({ description: 'Keys that the new side gives to shipments it creates; legacy must never give one of them.' });

const services = z
  .strictObject({
    port: port.default(8082).meta({ description: 'Port of the services on 127.0.0.1; 0 takes any free one.' }),
    wait: duration
      .prefault('500ms')
      .meta({ description: 'How long a read waits for the position it asks for before it is answered 409.' }),
    shipments: keyRange.prefault({}),
  })
  .meta({ description: 'The event-sourced sample services; left out, none run.' });

/** The services' keys of the configuration file. */
export const servicesTopLevel = { services: services.optional() };

/** Keys of records that the new side creates, both ends included. */
export type KeyRange = z.output<typeof keyRange>;

/** What the services need to start. */
export interface ServicesConfig {
  readonly port: number;
  /** How long a read waits for its `strangler-at-least` before 409. */
  readonly waitMs: number;
  readonly shipments: KeyRange;
  /** Folder of the read models; created when missing. Everything in it can be rebuilt from the log. */
  readonly dataDir: string;
  /** Shared with the gateway: verifies the `strangler-user` header. Several while one takes another's place. */
  readonly secret: string | readonly string[];
}

/** Joins the services' part of a checked configuration with what the composition root knows. */
export function servicesConfig(
  { port, wait, shipments }: z.output<typeof services>,
  { dataDir, secret }: Pick<ServicesConfig, 'dataDir' | 'secret'>,
): ServicesConfig {
  return { port, waitMs: wait, shipments, dataDir, secret };
}
