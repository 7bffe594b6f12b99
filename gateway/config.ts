import { z } from 'zod';
import { duration, port } from '../runtime/config-values.ts';
import {
  type AccountingConfig,
  accountingConfig,
  accountingTopLevel,
  type ParsedAccounting,
} from './accounting/config.ts';
import { type CompareRules, compareSchema } from './comparison/config.ts';
import { flagsSchema, type UnleashConfig, unleashConfig } from './flags/config.ts';
import {
  legacyUpstream,
  legacyUpstreamConfig,
  serviceUpstream,
  serviceUpstreamConfig,
  type UpstreamConfig,
} from './forwarding/config.ts';
import { type ErrorPageFiles, errorPagesSchema } from './forwarding/error-pages.ts';
import { type IdentityConfig, identityConfig, identitySchema } from './identity/config.ts';
import { type PublicListenerConfig, publicListenerConfig, publicListenerSchema } from './listening/config.ts';
import { rolloutSchema, routeSchema, splitSchema } from './route-config.ts';
import { type RoutingConfig, routingConfig, routingSchema } from './routing/config.ts';
import { duplicateRoutes, equallySpecificRoutes } from './routing/overlaps.ts';
import { matchText, type Route } from './routing/route.ts';
import { type ShadowConfig, shadowSchema } from './shadow/config.ts';

/** Keys below `listeners`. */
export const gatewayListeners = {
  public: publicListenerSchema,
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
  identity: identitySchema,
  flags: flagsSchema,
  routing: routingSchema,
  errorPages: errorPagesSchema,
  workers: z.int().min(1).max(64).default(1).meta({
    description: 'How many processes serve requests, on as many cores; see docs/running.md.',
  }),
  ...accountingTopLevel,
};

/** Keys of the gateway below `legacy`. */
export const gatewayLegacy = legacyUpstream;

/** Keys of the gateway below a capability. */
export const gatewayCapability = {
  team: z.string().optional().meta({ description: 'Who is responsible.' }),
  ...serviceUpstream,
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
export interface ParsedGateway extends ParsedAccounting {
  readonly legacy: z.output<z.ZodObject<typeof gatewayLegacy>>;
  readonly listeners: z.output<z.ZodObject<typeof gatewayListeners>>;
  readonly identity: z.output<typeof identitySchema>;
  readonly flags?: z.output<typeof flagsSchema>;
  readonly routing: z.output<typeof routingSchema>;
  readonly workers: number;
  readonly errorPages: z.output<typeof errorPagesSchema>;
  readonly capabilities: Readonly<Record<string, ParsedCapability>>;
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
    readonly public: PublicListenerConfig;
    readonly admin: { readonly port: number; readonly host: string; readonly token: string };
  };
  readonly identity: IdentityConfig;
  /** Undefined: the built-in flags. */
  readonly flags: UnleashConfig | undefined;
  readonly accounting: AccountingConfig;
  readonly routing: RoutingConfig;
  /** How many processes serve requests. */
  readonly workers: number;
  /** HTML in place of problem details, by what it is for. */
  readonly errorPages: ErrorPageFiles;
  readonly capabilities: readonly CapabilityConfig[];
  /** Absolute path of the folder for what must survive a restart. */
  readonly dataDir: string;
  /** Origin of the bridge's HTTP interface; undefined without a database. */
  readonly bridgeUrl: string | undefined;
}

/** What the composition root adds to what stands in the files. */
export interface GatewaySurroundings {
  /** Absolute path of the folder of the configuration: files it names are looked for from there. */
  readonly folder: string;
  readonly dataDir: string;
  readonly adminToken: string;
  /** The first signs cookies and users, all verify. */
  readonly secrets: readonly [string, ...string[]];
  readonly bridgeUrl: string | undefined;
}

/** The gateway's configuration from its parsed pieces. Pure. */
export function gatewayConfig(
  parsed: ParsedGateway,
  { folder, dataDir, adminToken, secrets, bridgeUrl }: GatewaySurroundings,
): GatewayConfig {
  const { legacy, listeners, identity, flags, capabilities } = parsed;
  return {
    legacy: legacyUpstreamConfig(legacy),
    listeners: {
      public: publicListenerConfig(listeners.public, folder),
      admin: { ...listeners.admin, token: adminToken },
    },
    identity: identityConfig(identity, secrets, folder),
    flags: unleashConfig(flags),
    routing: routingConfig(parsed.routing),
    errorPages: parsed.errorPages,
    workers: parsed.workers,
    accounting: accountingConfig(parsed, dataDir),
    capabilities: Object.entries(capabilities).map(([name, capability]) => ({
      name,
      team: capability.team,
      service: serviceUpstreamConfig(name, capability),
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
    unreadableBody: route.unreadableBody === 'next-route' ? undefined : route.unreadableBody,
    serve: route.serve,
    rewrite: route.rewrite,
    rewriteBodies: route.rewriteBodies,
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
  const placed = placedRoutes(capabilities);
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

/** Something that is allowed and may surprise, with the other place that it is about. */
export interface GatewayWarning extends GatewayProblem {
  readonly other: GatewayProblem['path'];
}

/** Routes that are equally specific and can take the same request, so that their order in the configuration decides. Pure. */
export function gatewayWarnings(capabilities: ParsedGateway['capabilities']): GatewayWarning[] {
  const placed = placedRoutes(capabilities);
  const placeOf = new Map(placed.map(({ route, path }) => [route, path]));
  return equallySpecificRoutes(placed.map(({ route }) => route)).map(([earlier, later]) => ({
    path: placeOf.get(later)!,
    other: placeOf.get(earlier)!,
    message: `route ${quoted(later)} can take the same requests as route ${quoted(earlier)} and is as specific: the earlier one wins`,
  }));
}

/** Every route with its place in the configuration. */
function placedRoutes(capabilities: ParsedGateway['capabilities']) {
  return Object.entries(capabilities).flatMap(([name, capability]) =>
    capability.routes.map((route, index) => ({
      route: resolveRoute(name, capability, route),
      path: ['capabilities', name, 'routes', index],
    })),
  );
}

function quoted({ name, capability }: Route): string {
  return `${JSON.stringify(name)} of ${capability}`;
}
