import { z } from 'zod';
import { duration, httpOrigin, port } from '../runtime/config-values.ts';
import { type CompareRules, compareSchema } from './comparison/config.ts';
import { cidr, rolloutSchema, routeSchema, splitSchema } from './route-config.ts';
import type { Cidr } from './routing/cidr.ts';
import { matchText, type Route } from './routing/route.ts';
import { duplicateRoutes } from './routing/route-table.ts';
import { type ShadowConfig, shadowSchema } from './shadow/config.ts';

/** Keys below `listeners`. */
export const gatewayListeners = {
  public: z
    .strictObject({
      port: port.default(8080).meta({ description: 'Where clients connect.' }),
      host: z.string().default('127.0.0.1').meta({ description: 'The address to listen on; 0.0.0.0 for all.' }),
      trustedProxies: z
        .array(cidr)
        .default([])
        .meta({ description: 'Peers whose forwarding headers and request ids are believed.' }),
    })
    .prefault({}),
  admin: z
    .strictObject({
      port: port.default(8081).meta({ description: 'Where the admin API, metrics and health listen.' }),
      host: z.string().default('127.0.0.1').meta({ description: 'The address to listen on.' }),
      token: z
        .string()
        .min(1)
        .optional()
        .meta({ description: 'Bearer token of the admin API; made and kept when left out.' }),
    })
    .prefault({}),
};

/** Keys of the gateway at the top of the configuration. */
export const gatewayTopLevel = {
  identity: z
    .strictObject({
      user: z
        .array(
          z.union([
            z
              .strictObject({ cookie: z.string().min(1) })
              .transform(({ cookie }) => ({ kind: 'cookie' as const, name: cookie })),
            z
              .strictObject({ header: z.string().min(1) })
              .transform(({ header }) => ({ kind: 'header' as const, name: header.toLowerCase() })),
          ]),
        )
        .default([])
        .meta({
          description: 'Where the user is read from; the first found counts. A header only from a trusted proxy.',
        }),
      secret: z
        .string()
        .min(16)
        .optional()
        .meta({ description: 'Signs assignment cookies and users; made and kept when left out.' }),
    })
    .prefault({}),
  flags: z
    .strictObject({
      unleash: z
        .url({ protocol: /^https?$/ })
        .meta({ description: "An Unleash server's API, http://unleash:4242/api." }),
      token: z.string().min(1).meta({ description: 'A client token of that server.' }),
    })
    .optional()
    .meta({ description: 'An Unleash server to ask; the built-in flags when left out.' }),
};

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

/** Keys of the gateway below `legacy`. */
export const gatewayLegacy = {
  url: httpOrigin,
  host: z
    .enum(['preserve', 'rewrite'])
    .default('preserve')
    .meta({ description: "Whether the legacy application sees the client's Host, or its own." }),
  timeouts: timeoutsSchema('60s'),
};

/** Keys of the gateway below a capability. */
export const gatewayCapability = {
  team: z.string().optional().meta({ description: 'Who is responsible.' }),
  service: httpOrigin.optional().meta({ description: 'The new side.' }),
  timeouts: timeoutsSchema('10s').meta({
    description: 'How long the new side may take; after that legacy answers a safe request, or the client is told.',
  }),
  routes: z
    .array(routeSchema)
    .default([])
    .meta({ description: 'METHOD /path, or a mapping with match and what differs from the capability.' }),
  split: splitSchema.optional(),
  rollout: rolloutSchema.optional(),
  shadow: shadowSchema.prefault({}),
  compare: compareSchema.prefault({}),
  readYourWrites: z
    .strictObject({
      wait: duration
        .prefault('200ms')
        .meta({ description: 'How long a read waits for the bridge to have passed a write.' }),
      else: z.literal('legacy').default('legacy').meta({ description: 'Who answers when that is not enough.' }),
    })
    .prefault({})
    .meta({ description: "After a client's write, its reads see it on both sides." }),
};

const capabilityObject = z.object(gatewayCapability);
type ParsedCapability = z.output<typeof capabilityObject>;
type ParsedRoute = ParsedCapability['routes'][number];

/** The gateway's keys of a checked configuration; what other parts add beside them is not looked at. */
export interface ParsedGateway {
  readonly legacy: z.output<z.ZodObject<typeof gatewayLegacy>>;
  readonly listeners: z.output<z.ZodObject<typeof gatewayListeners>>;
  readonly identity: z.output<typeof gatewayTopLevel.identity>;
  readonly flags?: z.output<typeof gatewayTopLevel.flags>;
  readonly capabilities: Readonly<Record<string, ParsedCapability>>;
}

/** A place that requests are forwarded to. */
export interface UpstreamConfig {
  /** `http://127.0.0.1:8000` */
  readonly origin: string;
  readonly host: 'preserve' | 'rewrite';
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
}

/** Where a user's name is read from. */
export interface UserSource {
  readonly kind: 'cookie' | 'header';
  /** Header names in lower case. */
  readonly name: string;
}

/** A capability as the gateway sees it. */
export interface CapabilityConfig {
  readonly name: string;
  readonly team: string | undefined;
  /** Undefined only for a capability without routes. */
  readonly service: UpstreamConfig | undefined;
  readonly routes: readonly Route[];
  readonly shadow: ShadowConfig;
  /** Rules of comparison by route name: the capability's and the route's own. */
  readonly compare: ReadonlyMap<string, CompareRules>;
  readonly readYourWrites: { readonly waitMs: number };
}

/** The gateway's configuration, complete. */
export interface GatewayConfig {
  readonly legacy: UpstreamConfig;
  readonly listeners: {
    readonly public: { readonly port: number; readonly host: string; readonly trustedProxies: readonly Cidr[] };
    readonly admin: { readonly port: number; readonly host: string; readonly token: string };
  };
  readonly identity: { readonly user: readonly UserSource[]; readonly secret: string };
  /** Undefined: the built-in flags. */
  readonly flags: { readonly url: string; readonly token: string } | undefined;
  readonly capabilities: readonly CapabilityConfig[];
  /** Absolute path of the folder for what must survive a restart. */
  readonly dataDir: string;
  /** Origin of the bridge's HTTP interface; undefined without a database. */
  readonly bridgeUrl: string | undefined;
}

/** What the composition root adds to what stands in the files. */
export interface GatewaySurroundings {
  readonly dataDir: string;
  readonly adminToken: string;
  readonly secret: string;
  readonly bridgeUrl: string | undefined;
}

function upstreamConfig(
  origin: string,
  host: UpstreamConfig['host'],
  { connect, response }: { connect: number; response: number },
): UpstreamConfig {
  return { origin, host, connectTimeoutMs: connect, responseTimeoutMs: response };
}

/** The gateway's configuration from its parsed pieces. Pure. */
export function gatewayConfig(
  parsed: ParsedGateway,
  { dataDir, adminToken, secret, bridgeUrl }: GatewaySurroundings,
): GatewayConfig {
  const { legacy, listeners, identity, flags, capabilities } = parsed;
  return {
    legacy: upstreamConfig(legacy.url, legacy.host, legacy.timeouts),
    listeners: { public: listeners.public, admin: { ...listeners.admin, token: adminToken } },
    identity: { user: identity.user, secret },
    flags: flags && { url: flags.unleash, token: flags.token },
    capabilities: Object.entries(capabilities).map(([name, capability]) => ({
      name,
      team: capability.team,
      service:
        capability.service === undefined
          ? undefined
          : upstreamConfig(capability.service, 'preserve', capability.timeouts),
      routes: capability.routes.map((route) => resolveRoute(name, capability, route)),
      shadow: capability.shadow,
      compare: new Map(capability.routes.map((route) => [nameOf(route), joinRules(capability.compare, route.compare)])),
      readYourWrites: { waitMs: capability.readYourWrites.wait },
    })),
    dataDir,
    bridgeUrl,
  };
}

function nameOf({ name, match }: ParsedRoute): string {
  return name ?? matchText(match);
}

function resolveRoute(capability: string, inherited: ParsedCapability, route: ParsedRoute): Route {
  const split = route.split ?? inherited.split ?? [];
  const rollout = route.rollout ?? inherited.rollout;
  return {
    name: nameOf(route),
    capability,
    match: route.match,
    serve: route.serve,
    rewrite: route.rewrite,
    split,
    steps: route.serve ? [] : (rollout?.steps ?? (split.length > 0 ? [] : [{ kind: 'shadow' }, { kind: 'new' }])),
    fallback: rollout?.fallback ?? 'legacy',
    shadowSample: inherited.shadow.sample,
    reverseSample: inherited.shadow.reverse,
  };
}

function joinRules(inherited: CompareRules, own: CompareRules | undefined): CompareRules {
  if (!own) return inherited;
  return {
    ignore: [...inherited.ignore, ...own.ignore],
    unordered: [...inherited.unordered, ...own.unordered],
    tolerance: [...inherited.tolerance, ...own.tolerance],
    equivalent: [...inherited.equivalent, ...own.equivalent],
    redact: [...inherited.redact, ...own.redact],
    headers: [...inherited.headers, ...own.headers],
  };
}

/** A problem that only shows when all capabilities are looked at together, and where it stands in the configuration. */
export interface GatewayProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Every problem between routes: identical predicates, one name twice, a route without a new side. Pure. */
export function gatewayProblems(capabilities: ParsedGateway['capabilities']): GatewayProblem[] {
  const placed = Object.entries(capabilities).flatMap(([name, capability]) =>
    capability.routes.map((route, index) => ({
      route: resolveRoute(name, capability, route),
      path: ['capabilities', name, 'routes', index],
    })),
  );
  const placeOf = new Map(placed.map(({ route, path }) => [route, path]));
  const duplicates = duplicateRoutes(placed.map(({ route }) => route));
  const named = new Map<string, Route>();
  const sameName = placed.flatMap(({ route, path }) => {
    const earlier = named.get(route.name);
    if (!earlier) named.set(route.name, route);
    return earlier && !duplicates.some(([, later]) => later === route)
      ? [
          {
            path,
            message: `found the name ${JSON.stringify(route.name)}, which a route of ${earlier.capability} has already`,
          },
        ]
      : [];
  });
  return [
    ...duplicates.map(([earlier, later]) => ({
      path: placeOf.get(later)!,
      message: `found route ${quoted(later)}, which takes the same requests as route ${quoted(earlier)}: neither can be preferred`,
    })),
    ...sameName,
    ...Object.entries(capabilities)
      .filter(([, { routes, service }]) => routes.length > 0 && service === undefined)
      .map(([name]) => ({
        path: ['capabilities', name],
        message: 'found routes but no service, expected service: the origin of the new side',
      })),
  ];
}

function quoted({ name, capability }: Route): string {
  return `${JSON.stringify(name)} of ${capability}`;
}
