import { z } from 'zod';
import { percent, readWith, token } from '../runtime/config-values.ts';
import { compareSchema } from './comparison/config.ts';
import { rewriteBodiesSchema } from './rewriting/config.ts';
import { parseCidr } from './routing/cidr.ts';
import { parseJsonPointer } from './routing/json-pointer.ts';
import { parsePathTemplate, placesOf } from './routing/path-template.ts';
import type { RouteMatch } from './routing/route.ts';
import type { SplitEntry } from './routing/split-entry.ts';
import type { Stage } from './routing/stage.ts';

const bodyPlace = z
  .string()
  .min(1, "expected a JSON Pointer such as /receiver/country or the name of a form's field")
  .superRefine((place, context) => {
    try {
      if (place.startsWith('/')) parseJsonPointer(place);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });
const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const queryValues = z.record(z.string(), scalar);
const headerValues = z.record(token('a header field'), scalar);
const cookieValues = z.record(token('a cookie'), scalar);
/** An entry that names nothing would apply to everybody. */
const some = <Named extends Readonly<Record<string, string>>>(named: Named) => Object.keys(named).length > 0;
const nothingNamed = 'found nothing, expected NAME: VALUE';
/** An address or a block of addresses. */
export const cidr = readWith(parseCidr).meta({
  description: 'An address or a block of addresses, such as 10.0.0.0/8.',
});
const pathTemplate = readWith(parsePathTemplate).meta({
  description: 'A path such as /shipments/{id}, /shipments/{id:int} or /reports/*.',
});

const knownMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT'] as const;
const method = z.enum(knownMethods, `expected a method in capitals: ${knownMethods.join(', ')}`);
const host = z
  .string()
  .regex(
    /^(?:(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/,
    'expected a host in lower case without port, such as api.example.com, *.example.com or [::1]',
  );

/** `GET /shipments/{id}`, `GET,POST /shipments`, or a path alone for any method. */
function readMatch(text: string): RouteMatch {
  const parts = /^(?:([A-Z,]+) +)?(\/\S*)$/.exec(text.trim());
  const methods = parts?.[1]?.split(',') ?? [];
  const unknown = methods.find((name) => !method.safeParse(name).success);
  if (!parts || unknown !== undefined) {
    throw new RangeError(
      `found ${JSON.stringify(text)}, expected METHOD /path such as "GET /shipments/{id}", or a path alone for any method`,
    );
  }
  return {
    hosts: [],
    methods,
    path: parsePathTemplate(parts[2]!),
    headers: {},
    cookies: {},
    query: {},
    body: {},
    clients: [],
  };
}

const match = z.union([
  readWith(readMatch),
  z
    .strictObject({
      method: z.union([method.transform((name) => [name]), z.array(method).min(1)]).optional(),
      hosts: z.array(host).default([]),
      path: pathTemplate,
      headers: headerValues.default({}),
      cookies: cookieValues.default({}),
      query: queryValues.default({}),
      body: z
        .record(bodyPlace, scalar)
        .default({})
        .meta({ description: 'Values in the body: in JSON by pointer (/receiver/country), in a form by name.' }),
      client: z.union([cidr.transform((block) => [block]), z.array(cidr).min(1)]).optional(),
    })
    .transform(
      ({ method: methods = [], client: clients = [], ...rest }): RouteMatch => ({ ...rest, methods, clients }),
    ),
]);

const target = z.enum(['legacy', 'new']);
const to = target.default('new').meta({ description: 'Where those go whom the entry names.' });
/** Value of the key `split`. */
export const splitSchema = z
  .array(
    z.union([
      z
        .strictObject({ header: headerValues.refine(some, nothingNamed), to })
        .transform(({ header, to }): SplitEntry => ({ kind: 'header', values: header, to })),
      z
        .strictObject({ cookie: cookieValues.refine(some, nothingNamed), to })
        .transform(({ cookie, to }): SplitEntry => ({ kind: 'cookie', values: cookie, to })),
      z
        .strictObject({ user: z.array(scalar).min(1), to })
        .transform(({ user, to }): SplitEntry => ({ kind: 'user', users: user, to })),
      z
        .strictObject({ flag: z.string().min(1), to })
        .transform(({ flag, to }): SplitEntry => ({ kind: 'flag', flag, to })),
      z.strictObject({ percent, to }).transform(({ percent, to }): SplitEntry => ({ kind: 'percent', percent, to })),
    ]),
  )
  .min(1)
  .meta({ description: 'Who is served by which side; the first entry that applies decides.' });

const step = z.union([
  z
    .enum(['legacy', 'shadow', 'new'], 'expected legacy, shadow, new or {canary: 20%}')
    .transform((kind): Stage => ({ kind })),
  z.strictObject({ canary: percent }).transform(({ canary }): Stage => ({ kind: 'canary', percent: canary })),
]);
/** Value of the key `rollout`. */
export const rolloutSchema = z
  .strictObject({
    advance: z
      .literal('manual')
      .default('manual')
      .meta({ description: 'Who moves a route to its next step: an operator.' }),
    steps: z
      .array(step)
      .min(1)
      .prefault(['shadow', 'new'])
      .meta({ description: 'The stages in order; a route begins at the first.' }),
    fallback: z
      .enum(['legacy', 'none'])
      .default('legacy')
      .meta({ description: 'Who answers a safe request when the new side fails before its first byte.' }),
  })
  .meta({ description: 'The stages that a route goes through.' });

const routeObject = z
  .strictObject({
    name: z.string().min(1).optional().meta({ description: 'Unique name; the match when left out.' }),
    match: match.meta({ description: 'METHOD /path, or a mapping of conditions that must all hold.' }),
    unreadableBody: z.enum(['next-route', 'legacy', 'new']).optional().meta({
      description: 'Who answers when the body cannot be looked into: too long, encoded, malformed, of another type.',
    }),
    serve: target.optional().meta({ description: 'Pins the route to one side, whatever stage and split say.' }),
    rewrite: pathTemplate.optional().meta({ description: 'Path on the new side, such as /v2/{id} or /v2/*.' }),
    rewriteBodies: rewriteBodiesSchema.optional(),
    split: splitSchema.optional(),
    rollout: rolloutSchema.optional(),
    compare: compareSchema.optional().meta({ description: "Added to the capability's rules of comparison." }),
  })
  .superRefine(({ match, unreadableBody }, context) => {
    if (unreadableBody === undefined || Object.keys(match.body).length > 0) return;
    const message = `found ${JSON.stringify(unreadableBody)}, but match asks nothing of the body`;
    context.addIssue({ code: 'custom', path: ['unreadableBody'], message });
  })
  .superRefine(({ match, rewrite }, context) => {
    const missing = rewrite && placesOf(rewrite).find((place) => !placesOf(match.path).includes(place));
    if (missing === undefined) return;
    const message = `found ${JSON.stringify(rewrite!.text)}, but ${match.path.text} has no place for ${missing === '*' ? '/*' : `{${missing}}`}`;
    context.addIssue({ code: 'custom', path: ['rewrite'], message });
  });

/** One entry of `routes`: a text is the match, the rest is inherited. */
export const routeSchema = z.union([
  readWith(readMatch).transform((match): z.output<typeof routeObject> => ({ match })),
  routeObject,
]);
