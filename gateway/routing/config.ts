import { z } from 'zod';
import { byteSize } from '../../runtime/config-values.ts';
import { type Ambiguity, ambiguities } from './request-target.ts';

const who = z.enum(['legacy', 'refuse'], 'expected legacy or refuse');
const kinds = Object.keys(ambiguities) as Ambiguity[];
const byKind = Object.fromEntries(
  kinds.map((kind) => [kind, who.optional().meta({ description: `The path has ${ambiguities[kind]}.` })]),
) as Record<Ambiguity, z.ZodOptional<typeof who>>;

/** Value of the key `routing`. */
export const routingSchema = z
  .strictObject({
    ambiguousPaths: z
      .union([
        who.transform((otherwise) => ({ otherwise })),
        z.strictObject({
          otherwise: who.default('legacy').meta({ description: 'Ambiguous in any way that is not named.' }),
          ...byKind,
        }),
      ])
      .prefault('legacy')
      .meta({ description: 'Who answers a path that two systems could read differently; it matches no route.' }),
    bodyLimit: byteSize
      .prefault('64KiB')
      .meta({ description: 'The longest body that routes are matched on; a longer one is never looked into.' }),
  })
  .prefault({})
  .meta({ description: 'How requests are read before they are matched.' });

/** How requests are read before they are matched. */
export interface RoutingConfig {
  /** Ambiguous paths that no side shall see; the others go to legacy. */
  readonly refusedPaths: ReadonlySet<Ambiguity>;
  readonly bodyLimitBytes: number;
}

/** From what stands in the configuration. */
export function routingConfig({ ambiguousPaths, bodyLimit }: z.output<typeof routingSchema>): RoutingConfig {
  const written: Partial<Record<Ambiguity | 'otherwise', 'legacy' | 'refuse'>> = ambiguousPaths;
  const refused = kinds.filter((kind) => (written[kind] ?? written.otherwise) === 'refuse');
  return { refusedPaths: new Set(refused), bodyLimitBytes: bodyLimit };
}
