import { strangler } from '../../contract/headers.ts';
import type { GatewayConfig } from '../config.ts';
import type { Reception } from '../identity/reception.ts';
import { rulesOfRoute, type SideRewriting } from '../rewriting/side-rewriting.ts';
import { upstreamTarget } from '../rewriting/upstream-fields.ts';
import { newSideTarget } from '../routing/new-side-target.ts';
import type { Route } from '../routing/route.ts';
import type { Target } from '../routing/stage.ts';
import type { UpstreamConfig } from './config.ts';
import { upstreamRequestHeaders } from './request-headers.ts';

/** How one side is asked for one request. */
export interface SideRequest {
  readonly upstream: UpstreamConfig;
  readonly target: string;
  /** Raw header fields, without framing. */
  readonly headers: string[];
  /** What its answer is rewritten by. */
  readonly rewriting: SideRewriting;
}

/** Knows where both sides are and what each is told beside the client's own request. */
export class Sides {
  readonly #config: GatewayConfig;
  readonly #pseudonym: string;
  readonly #services: ReadonlyMap<string, UpstreamConfig>;
  /** By capability: its routes whose paths are others on the new side. */
  readonly #rewritten: ReadonlyMap<string, readonly Route[]>;

  /** `pseudonym`: this gateway's name in Via. */
  constructor(config: GatewayConfig, pseudonym: string) {
    this.#config = config;
    this.#pseudonym = pseudonym;
    this.#services = new Map(
      config.capabilities.flatMap(({ name, service }): [string, UpstreamConfig][] =>
        service ? [[name, service]] : [],
      ),
    );
    this.#rewritten = new Map(
      config.capabilities.map(({ name, routes }) => [name, routes.filter(({ rewrite }) => rewrite !== undefined)]),
    );
  }

  /** Legacy is asked for what the client asked for, by name and path. */
  legacy(reception: Reception, rawHeaders: readonly string[], route: Route | undefined): SideRequest {
    const upstream = this.#config.legacy;
    const rewriting = rewritingOf(upstream, reception, route, []);
    const options = { upstream, pseudonym: this.#pseudonym, own: [], rewriting };
    const headers = upstreamRequestHeaders(rawHeaders, reception, options);
    return { upstream, target: upstreamTarget(reception.facts.target, rewriting), headers, rewriting };
  }

  /** The new side is told the signed user, and from which log address on it must answer; its path may be another. */
  newSide(reception: Reception, rawHeaders: readonly string[], route: Route, atLeast: string | undefined): SideRequest {
    const upstream = this.#services.get(route.capability);
    if (!upstream) throw new Error(`capability ${route.capability} has no service; the configuration was not checked`);
    const { signedUser } = reception;
    const own: (readonly [string, string])[] = [
      ...(signedUser === undefined ? [] : [[strangler.user, signedUser] as const]),
      ...(atLeast === undefined ? [] : [[strangler.atLeast, atLeast] as const]),
    ];
    const rewriting = rewritingOf(upstream, reception, route, this.#rewrittenBeside(route));
    const options = { upstream, pseudonym: this.#pseudonym, own, rewriting };
    const headers = upstreamRequestHeaders(rawHeaders, reception, options);
    const target = upstreamTarget(newSideTarget(route, reception.facts.target), rewriting);
    return { upstream, target, headers, rewriting };
  }

  /** The side a shadow asks, for a route. What a side refuses to be asked by clients it is asked without. */
  side(side: Target, reception: Reception, rawHeaders: readonly string[], route: Route): SideRequest {
    const plain = withoutUnderscores(rawHeaders);
    return side === 'legacy' ? this.legacy(reception, plain, route) : this.newSide(reception, plain, route, undefined);
  }

  /** A path of the new side is first looked for behind the route that took the request. */
  #rewrittenBeside(route: Route): readonly Route[] {
    const routes = this.#rewritten.get(route.capability) ?? [];
    return route.rewrite === undefined || routes[0] === route ? routes : [route, ...routes];
  }
}

function rewritingOf(
  { address, authority, origin, host, rewriting }: UpstreamConfig,
  { publicScheme, publicAuthority }: Reception,
  route: Route | undefined,
  routes: readonly Route[],
): SideRewriting {
  const upstreamOrigin = address.kind === 'unix' ? `http://${authority}` : origin;
  return {
    naming: { publicScheme, publicAuthority, upstreamOrigin, knownAs: rewriting.knownAs },
    rules: rulesOfRoute(rewriting, route?.rewriteBodies),
    hostRewritten: host === 'rewrite',
    routes,
  };
}

function withoutUnderscores(raw: readonly string[]): readonly string[] {
  return raw.filter((_, index) => !raw[index - (index % 2)]!.includes('_'));
}
