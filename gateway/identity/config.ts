import { z } from 'zod';

/** Where a user's name is read from. */
export interface UserSource {
  readonly kind: 'cookie' | 'header';
  /** Header names in lower case. */
  readonly name: string;
}

/** Who asks, and what proves it. */
export interface IdentityConfig {
  /** The first that names somebody counts. */
  readonly user: readonly UserSource[];
  readonly secret: string;
}

const userSource = z.union([
  z
    .strictObject({ cookie: z.string().min(1) })
    .transform(({ cookie }): UserSource => ({ kind: 'cookie', name: cookie })),
  z
    .strictObject({ header: z.string().min(1) })
    .transform(({ header }): UserSource => ({ kind: 'header', name: header.toLowerCase() })),
]);

/** Value of the key `identity`. */
export const identitySchema = z
  .strictObject({
    user: z.array(userSource).default([]).meta({
      description: 'Where the user is read from; the first found counts. A header only from a trusted proxy.',
    }),
    secret: z
      .string()
      .min(16)
      .optional()
      .meta({ description: 'Signs assignment cookies and users; made and kept when left out.' }),
  })
  .prefault({});

/** Who asks, from what stands in the configuration; `secret` as given or as made here. */
export function identityConfig({ user }: z.output<typeof identitySchema>, secret: string): IdentityConfig {
  return { user, secret };
}
