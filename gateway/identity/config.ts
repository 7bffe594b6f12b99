import { resolve } from 'node:path';
import { z } from 'zod';
import { duration, token } from '../../runtime/config-values.ts';

/** Algorithms of signatures that a public key verifies (RFC 7518 section 3.1, RFC 8037, RFC 9864). */
const publicKeyAlgorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** Algorithms where who can verify can sign. */
const secretAlgorithms = ['HS256', 'HS384', 'HS512'];

/** A user's name that stands in the request itself. */
export interface NamedUserConfig {
  readonly kind: 'cookie' | 'header';
  /** Header names in lower case. */
  readonly name: string;
}

/** A user that a signed token names (JWT, RFC 7519). */
export interface TokenUserConfig {
  readonly kind: 'jwt';
  /** The claim that names the user: `sub`, or a JSON Pointer such as `/account/id`. */
  readonly claim: string;
  readonly keys:
    | { readonly kind: 'remote'; readonly url: string }
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'secret'; readonly secret: string };
  readonly algorithms: readonly string[];
  /** Any of these; undefined: not looked at. */
  readonly issuers: readonly string[] | undefined;
  readonly audiences: readonly string[] | undefined;
  /** Where the token is when no Authorization field has one. */
  readonly cookie: string | undefined;
  readonly leewayMs: number;
}

/** Where legacy's answer to a session look-up names the user. */
export type SessionAnswerPlace =
  | { readonly kind: 'text' }
  /** A JSON Pointer (RFC 6901). */
  | { readonly kind: 'json'; readonly pointer: string }
  /** In lower case. */
  | { readonly kind: 'header'; readonly name: string };

/** A user that legacy names when it is asked with the client's session cookie. */
export interface SessionUserConfig {
  readonly kind: 'session';
  /** `/whoami` */
  readonly target: string;
  readonly cookie: string;
  readonly place: SessionAnswerPlace;
  /** How long an answer counts. */
  readonly ttlMs: number;
  /** How long a request waits for an answer. */
  readonly deadlineMs: number;
}

/** Where a user is read from. */
export type UserSourceConfig = NamedUserConfig | TokenUserConfig | SessionUserConfig;

/** The cookie that keeps a client's assignment. */
export interface AssignmentConfig {
  /** Its name. */
  readonly cookie: string;
  readonly sameSite: 'lax' | 'none';
  /** Undefined: the host that was asked, alone. */
  readonly domain: string | undefined;
  /** The unit of a script that has neither cookie nor user. */
  readonly withoutCookie: 'address' | 'request';
  readonly afterWriteMs: number;
}

/** Who asks, and what proves it. */
export interface IdentityConfig {
  /** The first that names somebody counts. */
  readonly user: readonly UserSourceConfig[];
  /** The first signs, all verify. */
  readonly secrets: readonly [string, ...string[]];
  /** Units of users and addresses are derived with this. */
  readonly salt: string;
  readonly assignment: AssignmentConfig;
}

const cookieName = token('a cookie');
const fieldName = token('a header field').transform((name) => name.toLowerCase());
const jsonPointer = z.string().regex(/^(\/([^~/]|~[01])*)+$/, 'expected a JSON Pointer such as /user/id');
const oneOrMore = z
  .union([
    z
      .string()
      .min(1)
      .transform((one) => [one]),
    z.array(z.string().min(1)).min(1),
  ])
  .optional();

const cookieSource = z
  .strictObject({ cookie: cookieName })
  .transform(({ cookie }): UserSourceConfig => ({ kind: 'cookie', name: cookie }));

const headerSource = z
  .strictObject({ header: fieldName })
  .transform(({ header }): UserSourceConfig => ({ kind: 'header', name: header }));

const tokenSource = z
  .strictObject({
    jwt: z
      .string()
      .min(1)
      .meta({ description: 'The claim that names the user: sub, or a JSON Pointer (/account/id).' }),
    jwks: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({ description: 'Where the issuer publishes its key set.' }),
    keys: z.string().min(1).optional().meta({ description: 'A file with a key set (JSON) or a public key (PEM).' }),
    secret: z
      .string()
      .min(32)
      .optional()
      .meta({ description: 'The secret shared with the issuer, for HS256 and the like.' }),
    algorithms: z
      .array(z.enum([...publicKeyAlgorithms, ...secretAlgorithms]))
      .min(1)
      .meta({
        description: 'Signature algorithms that are accepted; others are not, whatever a token says of itself.',
      }),
    issuer: oneOrMore.meta({ description: 'Accepted values of iss.' }),
    audience: oneOrMore.meta({ description: 'Accepted values of aud.' }),
    cookie: cookieName.optional().meta({ description: 'A cookie that holds the token where Authorization does not.' }),
    leeway: duration.prefault('30s').meta({ description: 'How far clocks may differ for exp and nbf.' }),
  })
  .transform(({ jwks, keys, secret, ...source }, context): UserSourceConfig => {
    const found = [
      ...(jwks === undefined ? [] : [{ kind: 'remote', url: jwks } as const]),
      ...(keys === undefined ? [] : [{ kind: 'file', path: keys } as const]),
      ...(secret === undefined ? [] : [{ kind: 'secret', secret } as const]),
    ];
    if (found.length !== 1) {
      const message = `found ${found.length} of jwks, keys and secret, expected one`;
      context.addIssue({ code: 'custom', path: ['jwt'], message });
      return z.NEVER;
    }
    const wanted = found[0]!.kind === 'secret' ? secretAlgorithms : publicKeyAlgorithms;
    const other = source.algorithms.find((algorithm) => !wanted.includes(algorithm));
    if (other !== undefined) {
      const message = `found ${other}, expected of ${wanted.join(', ')}: a public key must never serve as a shared secret`;
      context.addIssue({ code: 'custom', path: ['algorithms'], message });
      return z.NEVER;
    }
    return {
      kind: 'jwt',
      claim: source.jwt,
      keys: found[0]!,
      algorithms: source.algorithms,
      issuers: source.issuer,
      audiences: source.audience,
      cookie: source.cookie,
      leewayMs: source.leeway,
    };
  });

const sessionPlace = z
  .union([
    z.literal('text').transform((): SessionAnswerPlace => ({ kind: 'text' })),
    z
      .strictObject({ json: jsonPointer })
      .transform(({ json }): SessionAnswerPlace => ({ kind: 'json', pointer: json })),
    z
      .strictObject({ header: fieldName })
      .transform(({ header }): SessionAnswerPlace => ({ kind: 'header', name: header })),
  ])
  .prefault('text');

const sessionSource = z
  .strictObject({
    session: z
      .string()
      .regex(/^\/[\x21-\x7e]*$/, 'expected a path of the legacy application such as /whoami')
      .meta({ description: 'What legacy is asked (GET) to learn whose session a cookie is.' }),
    cookie: cookieName.default('PHPSESSID').meta({ description: "Legacy's session cookie; it alone is sent." }),
    user: sessionPlace.meta({
      description: 'Where the answer names the user: text (the whole body), {json: /pointer} or {header: name}.',
    }),
    ttl: duration.prefault('60s').meta({ description: 'How long an answer counts.' }),
    deadline: duration
      .prefault('200ms')
      .meta({ description: 'How long a request waits for it; then the user is nobody.' }),
  })
  .transform(
    ({ session, cookie, user, ttl, deadline }): UserSourceConfig => ({
      kind: 'session',
      target: session,
      cookie,
      place: user,
      ttlMs: ttl,
      deadlineMs: deadline,
    }),
  );

const secret = z.string().min(16, 'expected at least 16 characters');

const assignmentSchema = z
  .strictObject({
    cookie: cookieName.default('strangler-assignment').meta({ description: 'Its name.' }),
    sameSite: z
      .enum(['lax', 'none'], 'expected lax or none (strict would lose the cookie on each link from elsewhere)')
      .default('lax')
      .meta({
        description: 'none for applications that are embedded in, or posted to from, other sites; needs HTTPS.',
      }),
    domain: z
      .string()
      .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'expected a domain such as example.com')
      .optional()
      .meta({ description: 'Shares it between sub-domains; the host that was asked alone when left out.' }),
    withoutCookie: z.enum(['address', 'request']).default('address').meta({
      description: 'What a script without cookie and user is told apart by: its address and user agent, or not at all.',
    }),
    afterWrite: duration.prefault('30m').meta({
      description:
        'How long a client that wrote on the new side stays there when a percentage is lowered; 0s: not at all.',
    }),
  })
  .refine(({ cookie, domain }) => domain === undefined || !cookie.startsWith('__Host-'), {
    path: ['domain'],
    message: 'found a domain for a cookie named __Host-…, which browsers refuse',
  })
  .prefault({});

/** Value of the key `identity`. */
export const identitySchema = z
  .strictObject({
    user: z
      .array(z.union([cookieSource, headerSource, tokenSource, sessionSource]))
      .default([])
      .meta({
        description: 'Where the user is read from; the first found counts. A header only from a trusted proxy.',
      }),
    secret: z
      .union([secret.transform((one): [string, ...string[]] => [one]), z.tuple([secret], secret)])
      .optional()
      .meta({
        description:
          'Signs assignment cookies and users; of several the first signs, all verify. Made and kept when left out.',
      }),
    salt: z.string().min(16).optional().meta({
      description:
        'Units of users and addresses are derived with this; the last secret when left out. Keep it when secrets change.',
    }),
    assignment: assignmentSchema.meta({ description: 'The cookie that keeps a client on its side.' }),
  })
  .prefault({});

/** Who asks, from what stands in the configuration; `secrets` as given or as made here, files looked for from `folder`. */
export function identityConfig(
  { user, salt, assignment }: z.output<typeof identitySchema>,
  secrets: readonly [string, ...string[]],
  folder: string,
): IdentityConfig {
  const { cookie, sameSite, domain, withoutCookie, afterWrite } = assignment;
  return {
    user: user.map((source) => inFolder(source, folder)),
    secrets,
    salt: salt ?? secrets.at(-1)!,
    assignment: { cookie, sameSite, domain, withoutCookie, afterWriteMs: afterWrite },
  };
}

function inFolder(source: UserSourceConfig, folder: string): UserSourceConfig {
  if (source.kind !== 'jwt' || source.keys.kind !== 'file') return source;
  return { ...source, keys: { kind: 'file', path: resolve(folder, source.keys.path) } };
}
