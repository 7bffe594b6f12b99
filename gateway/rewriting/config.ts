import { z } from 'zod';
import { byteSize, httpOrigin } from '../../runtime/config-values.ts';

/** Which bodies are rewritten, and how far a compressed one may go. */
export interface BodyRules {
  /** Media types in lower case without parameters; `text/*` for all of a kind. */
  readonly types: readonly string[];
  /** `keep`: compressed again as it came; `identity`: sent plain. */
  readonly coding: 'keep' | 'identity';
  /** How many times its own size a compressed body may become. */
  readonly maxExpansion: number;
  /** How long a compressed body may become. */
  readonly maxDecodedBytes: number;
}

/** What is changed in an application's answers beside the fields that name it in a URL. */
export interface RewritingRules {
  /** Undefined: bodies are never looked at. */
  readonly bodies: BodyRules | undefined;
  /** URLs nested in the queries of URLs are changed too, both ways. */
  readonly queries: boolean;
  /** Cookies are marked Secure where the client uses https. */
  readonly secureCookies: boolean;
  /** More origins by which the application names itself: `['http://www.old.example']`. */
  readonly knownAs: readonly string[];
}

const defaultTypes = [
  'text/html',
  'text/css',
  'text/javascript',
  'text/xml',
  'application/javascript',
  'application/json',
  'application/xhtml+xml',
  'application/xml',
  'application/atom+xml',
  'application/rss+xml',
];

const mediaType = z
  .string()
  .regex(
    /^[a-z]+\/(?:\*|[a-z0-9.+-]+)$/,
    'expected a media type in lower case without parameters: text/html or text/*',
  );

const bodies = z
  .strictObject({
    types: z.array(mediaType).min(1).default(defaultTypes).meta({ description: 'Media types that are rewritten.' }),
    coding: z
      .enum(['keep', 'identity'])
      .default('keep')
      .meta({ description: 'Whether a body that came compressed is compressed again, or sent plain.' }),
    maxExpansion: z.int().min(2).max(1100).default(100).meta({
      description: 'How many times its size a compressed body may become (looked at beyond 1 MiB); more breaks off.',
    }),
    maxDecoded: byteSize
      .prefault('256MiB')
      .meta({ description: 'How long a compressed body may become; a longer one breaks off.' }),
  })
  .transform(
    ({ types, coding, maxExpansion, maxDecoded }): BodyRules => ({
      types,
      coding,
      maxExpansion,
      maxDecodedBytes: maxDecoded,
    }),
  );

/** Value of the key `rewriteBodies`: `true` for all the defaults, `false` for none (a route's way out), or what differs. */
export const rewriteBodiesSchema = z
  .union([z.literal(true).transform((): BodyRules => bodies.parse({})), z.literal(false), bodies])
  .meta({ description: "Replaces the application's own URLs in bodies by the public ones, while they stream." });

/** Keys of rewriting below `legacy` and below a capability. */
export const rewritingKeys = {
  rewriteBodies: rewriteBodiesSchema.optional(),
  rewriteQueries: z
    .boolean()
    .default(false)
    .meta({ description: 'Replaces such URLs in the queries of URLs too (redirect_to=http%3A%2F%2F…), both ways.' }),
  secureCookies: z.boolean().default(false).meta({ description: 'Marks cookies Secure where the client uses https.' }),
  knownAs: z
    .array(httpOrigin)
    .default([])
    .meta({ description: 'More origins by which the application names itself, as in links that it has stored.' }),
};

/** The rules from the keys, read. Pure. */
export function rewritingRules(parsed: z.output<z.ZodObject<typeof rewritingKeys>>): RewritingRules {
  const { rewriteBodies, rewriteQueries, secureCookies, knownAs } = parsed;
  return { bodies: rewriteBodies || undefined, queries: rewriteQueries, secureCookies, knownAs };
}
