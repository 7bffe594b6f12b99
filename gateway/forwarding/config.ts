import { z } from 'zod';
import { duration, httpOrigin } from '../../runtime/config-values.ts';
import { type RewritingRules, rewritingKeys, rewritingRules } from '../rewriting/config.ts';

/** A place that requests are forwarded to. */
export interface UpstreamConfig {
  /** `http://127.0.0.1:8000` */
  readonly origin: string;
  readonly host: 'preserve' | 'rewrite';
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  /** What is changed in its answers. */
  readonly rewriting: RewritingRules;
}

/** How long a side may take; `response` is the default of the second. */
function timeoutsSchema(response: string) {
  return z
    .strictObject({
      connect: duration.prefault('2s').meta({ description: 'Until a connection stands.' }),
      response: duration
        .prefault(response)
        .meta({ description: "From the request's last byte to the answer's first." }),
    })
    .prefault({});
}

/** Keys below `legacy` that say how it is reached. */
export const legacyUpstream = {
  url: httpOrigin,
  host: z
    .enum(['preserve', 'rewrite'])
    .default('preserve')
    .meta({ description: "Whether the legacy application sees the client's Host, or its own." }),
  timeouts: timeoutsSchema('60s'),
  ...rewritingKeys,
};

/** Keys below a capability that say how its new side is reached. */
export const serviceUpstream = {
  service: httpOrigin.optional().meta({ description: 'The new side.' }),
  timeouts: timeoutsSchema('10s').meta({
    description: 'How long the new side may take; after that legacy answers a safe request, or the client is told.',
  }),
  ...rewritingKeys,
};

type ParsedLegacy = z.output<z.ZodObject<typeof legacyUpstream>>;
type ParsedService = z.output<z.ZodObject<typeof serviceUpstream>>;

/** The legacy application as a place to forward to. */
export function legacyUpstreamConfig({ url, host, timeouts, ...rewriting }: ParsedLegacy): UpstreamConfig {
  return {
    origin: url,
    host,
    connectTimeoutMs: timeouts.connect,
    responseTimeoutMs: timeouts.response,
    rewriting: rewritingRules(rewriting),
  };
}

/** A capability's new side as a place to forward to; undefined when it has none. */
export function serviceUpstreamConfig({ service, timeouts, ...rewriting }: ParsedService): UpstreamConfig | undefined {
  if (service === undefined) return undefined;
  return {
    origin: service,
    host: 'preserve',
    connectTimeoutMs: timeouts.connect,
    responseTimeoutMs: timeouts.response,
    rewriting: rewritingRules(rewriting),
  };
}
