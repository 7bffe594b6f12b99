import { z } from 'zod';
import { duration, readableFile, readWith } from '../../runtime/config-values.ts';
import { type RewritingRules, rewritingKeys, rewritingRules } from '../rewriting/config.ts';
import type { BreakerLimits } from './upstreams/breaker.ts';
import {
  readUpstreamOrigin,
  type UpstreamAddress,
  upstreamAddress,
  upstreamAuthority,
} from './upstreams/upstream-address.ts';

/** Who carries requests to an upstream; see docs/forwarding.md for what each cannot do. */
export type ForwarderName = 'wire' | 'general' | 'http-proxy';

/** How TLS is spoken with an upstream. Files hold PEM. */
export interface UpstreamTls {
  /** Certificates to believe in place of the system's. */
  readonly caFile: string | undefined;
  /** The name asked for and expected in the certificate; undefined: the host of the origin. */
  readonly servername: string | undefined;
  /** False: any certificate is believed. */
  readonly verify: boolean;
  /** The gateway's own certificate, for upstreams that ask for one. */
  readonly client: { readonly certFile: string; readonly keyFile: string } | undefined;
}

/** How many requests an upstream gets at a time. */
export interface UpstreamLimits {
  /** At the same time, tunnels included. */
  readonly requests: number;
  /** More wait, this many at most, in their order. */
  readonly queue: number;
  readonly queueTimeoutMs: number;
}

/** How an upstream is asked whether it works. */
export interface HealthCheckConfig {
  /** `/healthz`; any answer below 400 is healthy. */
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failures in a row that make it unhealthy; one success makes it healthy again. */
  readonly failures: number;
}

/** A place that requests are forwarded to. */
export interface UpstreamConfig {
  /** `legacy`, or the capability whose new side it is. */
  readonly name: string;
  /** `http://127.0.0.1:8000`, `https://…`, `unix:/run/app.sock` */
  readonly origin: string;
  readonly address: UpstreamAddress;
  /** What Host says when it is rewritten. */
  readonly authority: string;
  /** Undefined: plain HTTP. */
  readonly tls: UpstreamTls | undefined;
  readonly host: 'preserve' | 'rewrite';
  readonly forwarder: ForwarderName;
  /** Until a connection stands, TLS included. */
  readonly connectTimeoutMs: number;
  /** Without a byte of the request's body. */
  readonly requestTimeoutMs: number;
  /** From the request's last byte to the answer's first. */
  readonly responseTimeoutMs: number;
  /** Without a byte of the answer's body. */
  readonly idleTimeoutMs: number;
  /** Without a byte either way in a tunnel. */
  readonly tunnelTimeoutMs: number;
  /** Undefined: no limit. */
  readonly limits: UpstreamLimits | undefined;
  /** Undefined: it is asked however often it fails. */
  readonly breaker: BreakerLimits | undefined;
  /** Undefined: it is only known by the requests it answers. */
  readonly health: HealthCheckConfig | undefined;
  /** What becomes of request fields with `_` in their names. */
  readonly underscores: 'drop' | 'refuse';
  /** By which fields it is told of the client. */
  readonly forwarded: 'x-forwarded' | 'rfc7239' | 'both';
  /** What is changed in its answers. */
  readonly rewriting: RewritingRules;
}

/** Where an upstream is: the text form of `legacy` and `service`. */
export const upstreamUrl = readWith(readUpstreamOrigin).meta({
  description: 'An origin without a path, such as http://127.0.0.1:8000 or https://app.example; or unix:/run/app.sock.',
});

function timeouts(response: string) {
  return z
    .strictObject({
      connect: duration.prefault('2s').meta({ description: 'Until a connection stands, TLS included.' }),
      request: duration.prefault('60s').meta({ description: "Without a byte of the request's body." }),
      response: duration
        .prefault(response)
        .meta({ description: "From the request's last byte to the answer's first." }),
      idle: duration
        .prefault('10m')
        .meta({ description: "Without a byte of the answer's body, whichever end is slow." }),
      tunnel: duration.prefault('1h').meta({ description: 'Without a byte either way after an upgrade.' }),
    })
    .prefault({})
    .meta({ description: 'How long each phase of a request may take.' });
}

const tls = z
  .strictObject({
    ca: readableFile.optional().meta({ description: "PEM file of certificates to believe in place of the system's." }),
    servername: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'The name in its certificate, where it is not the host of url.' }),
    verify: z.boolean().default(true).meta({ description: 'false: any certificate is believed; a warning is logged.' }),
    cert: readableFile.optional().meta({ description: "PEM file of the gateway's own certificate." }),
    key: readableFile.optional().meta({ description: 'PEM file of the key to cert.' }),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    message: 'expected cert and key together',
  })
  .meta({ description: 'How TLS is spoken with it; only with an https URL.' });

const limits = z
  .strictObject({
    requests: z.int().min(1).meta({ description: 'Requests at the same time, tunnels included.' }),
    queue: z.int().min(0).default(100).meta({ description: 'Requests that wait for a place; more are answered 503.' }),
    queueTimeout: duration.prefault('5s').meta({ description: 'How long one waits at most; then it is answered 503.' }),
  })
  .transform(({ requests, queue, queueTimeout }): UpstreamLimits => ({ requests, queue, queueTimeoutMs: queueTimeout }))
  .meta({ description: 'How many requests it gets at a time; left out, as many as come.' });

const breakerLimits = z
  .strictObject({
    failures: z.int().min(1).default(5).meta({ description: 'Requests without an answer, one after the other.' }),
    openFor: duration.prefault('5s').meta({ description: 'How long it then is not asked, before one request tries.' }),
  })
  .transform(({ failures, openFor }): BreakerLimits => ({ failures, openMs: openFor }));

const noBreaker = z.literal('off').transform(() => undefined);
const breaker = z.union([noBreaker, breakerLimits]);

const health = z
  .strictObject({
    path: z.string().regex(/^\/[!-~]*$/, 'expected a path such as /healthz'),
    interval: duration.prefault('5s').meta({ description: 'From one check to the next.' }),
    timeout: duration.prefault('2s').meta({ description: 'How long an answer may take.' }),
    failures: z.int().min(1).default(2).meta({ description: 'Failures in a row that make it unhealthy.' }),
  })
  .transform(
    ({ path, interval, timeout, failures }): HealthCheckConfig => ({
      path,
      intervalMs: interval,
      timeoutMs: timeout,
      failures,
    }),
  )
  .meta({ description: 'A path asked regularly; an answer below 400 is healthy.' });

const headers = z
  .strictObject({
    underscores: z
      .enum(['drop', 'refuse'])
      .default('drop')
      .meta({ description: 'What becomes of fields with _ in their names, which PHP and CGI read as those with -.' }),
    forwarded: z
      .enum(['x-forwarded', 'rfc7239', 'both'])
      .default('x-forwarded')
      .meta({ description: 'By which fields it is told of the client: X-Forwarded-*, Forwarded, or both.' }),
  })
  .prefault({})
  .meta({ description: 'Request fields towards it.' });

function upstreamKeys(response: string) {
  return {
    url: upstreamUrl,
    host: z
      .enum(['preserve', 'rewrite'])
      .default('preserve')
      .meta({ description: "Whether it sees the client's Host, or its own." }),
    forwarder: z
      .enum(['wire', 'general', 'http-proxy'])
      .default('wire')
      .meta({ description: 'Who carries requests to it; see docs/forwarding.md.' }),
    timeouts: timeouts(response),
    tls: tls.optional(),
    limits: limits.optional(),
    health: health.optional(),
    headers,
  };
}

/** Keys below `legacy` that say how it is reached. Nobody stands behind legacy: its breaker is off unless asked for. */
export const legacyUpstream = {
  ...upstreamKeys('60s'),
  breaker: breaker
    .prefault('off')
    .meta({ description: 'When it is not asked any more for a while; then requests are answered 503 at once.' }),
  ...rewritingKeys,
};

const serviceObject = z.strictObject({
  ...upstreamKeys('10s'),
  breaker: breaker
    .prefault({})
    .meta({ description: 'When it is not asked any more for a while: legacy answers safe requests, others get 503.' }),
});

/** Keys below a capability that say how its new side is reached. */
export const serviceUpstream = {
  service: z
    .union([upstreamUrl.transform((origin) => ({ url: origin })).pipe(serviceObject), serviceObject])
    .optional()
    .meta({ description: 'The new side: its origin, or a mapping with url and more.' }),
  ...rewritingKeys,
};

type ParsedLegacy = z.output<z.ZodObject<typeof legacyUpstream>>;
type ParsedService = z.output<z.ZodObject<typeof serviceUpstream>>;
type ParsedUpstream = z.output<typeof serviceObject>;

/** The legacy application as a place to forward to. */
export function legacyUpstreamConfig(parsed: ParsedLegacy): UpstreamConfig {
  return upstreamConfig('legacy', parsed, rewritingRules(parsed));
}

/** A capability's new side as a place to forward to; undefined when it has none. */
export function serviceUpstreamConfig(
  capability: string,
  { service, ...rewriting }: ParsedService,
): UpstreamConfig | undefined {
  return service && upstreamConfig(capability, service, rewritingRules(rewriting));
}

function upstreamConfig(name: string, parsed: ParsedUpstream, rewriting: RewritingRules): UpstreamConfig {
  const { url: origin, host, forwarder, timeouts, headers, limits, health } = parsed;
  return {
    name,
    origin,
    address: upstreamAddress(origin),
    authority: upstreamAuthority(origin),
    tls: origin.startsWith('https:') ? tlsConfig(parsed.tls) : undefined,
    host,
    forwarder,
    connectTimeoutMs: timeouts.connect,
    requestTimeoutMs: timeouts.request,
    responseTimeoutMs: timeouts.response,
    idleTimeoutMs: timeouts.idle,
    tunnelTimeoutMs: timeouts.tunnel,
    limits,
    breaker: parsed.breaker,
    health,
    underscores: headers.underscores,
    forwarded: headers.forwarded,
    rewriting,
  };
}

function tlsConfig({ ca, servername, verify = true, cert, key }: Partial<z.output<typeof tls>> = {}): UpstreamTls {
  const client = cert !== undefined && key !== undefined ? { certFile: cert, keyFile: key } : undefined;
  return { caFile: ca, servername, verify, client };
}
