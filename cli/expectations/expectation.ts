import { z } from 'zod';
import { stage } from '../../gateway/admin/bodies.ts';
import { type GatewayErrorCode, gatewayErrors } from '../../gateway/errors.ts';
import { clientAddress, moment, requestUrl } from '../../gateway/written-request.ts';
import { token } from '../../runtime/config-values.ts';

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const side = z.enum(['legacy', 'new'], 'expected legacy or new');
const codes = Object.keys(gatewayErrors) as [GatewayErrorCode, ...GatewayErrorCode[]];

/** Said of a key that is missing; what has unknown keys is told by those. */
const missing = (what: string) => ({
  error: ({ code }: { code?: string }) => (code === 'invalid_type' ? `expected ${what}` : undefined),
});

const request = z.string(missing('METHOD and a path or URL, such as GET /shipments/7')).transform((text, context) => {
  const [, method, url] = /^([A-Z]+) +(\S+)$/.exec(text) ?? [];
  if (method && url && requestUrl.test(url)) return { method, url };
  const message = `found ${JSON.stringify(text)}, expected METHOD and a path or URL, such as GET /shipments/7`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const expected = z.strictObject(
  {
    route: z
      .string()
      .nullable()
      .optional()
      .meta({ description: 'The name of the route that takes it; null: none does.' }),
    side: side.optional().meta({ description: 'Who answers.' }),
    shadow: z
      .enum(['legacy', 'new', 'none'], 'expected legacy, new or none')
      .optional()
      .meta({ description: 'Who is asked afterwards.' }),
    refused: z
      .enum(codes, 'expected a code of docs/errors.md')
      .optional()
      .meta({ description: 'The code with which the gateway refuses it.' }),
  },
  missing('a mapping with route, side, shadow or refused'),
);

const expectation = z.strictObject({
  request: request.meta({ description: 'METHOD and a path or URL: GET /shipments/7' }),
  headers: z.record(token('a header field'), z.union([scalar, z.array(scalar)])).default({}),
  body: z
    .union([z.string(), z.record(z.string(), z.json()), z.array(z.json())])
    .optional()
    .meta({ description: 'A text, sent as it is; a mapping or list, sent as JSON.' }),
  user: scalar.optional().meta({ description: 'Who asks, whatever the request itself says.' }),
  client: clientAddress.optional(),
  time: moment.optional(),
  stage: stage
    .optional()
    .meta({ description: 'Where routes with a rollout stand, such as canary 25%; their first step when left out.' }),
  flags: z.array(z.string()).default([]).meta({ description: 'The flags that are on; every other one is off.' }),
  expect: expected,
});

/** A file of expectations: a list of requests, each with what is to become of it. */
export const expectationsSchema = z.array(expectation).min(1, 'expected a list of expectations');

export type Expectation = z.output<typeof expectation>;
