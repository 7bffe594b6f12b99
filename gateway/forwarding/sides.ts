import { strangler } from '../../contract/headers.ts';
import { signUser } from '../../contract/signed-user.ts';
import type { GatewayConfig } from '../config.ts';
import type { Reception } from '../identity/reception.ts';
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
}

/** Knows where both sides are and what each is told beside the client's own request. */
export class Sides {
  readonly #config: GatewayConfig;
  readonly #pseudonym: string;
  readonly #services: ReadonlyMap<string, UpstreamConfig>;

  /** `pseudonym`: this gateway's name in Via. */
  constructor(config: GatewayConfig, pseudonym: string) {
    this.#config = config;
    this.#pseudonym = pseudonym;
    this.#services = new Map(
      config.capabilities.flatMap(({ name, service }): [string, UpstreamConfig][] =>
        service ? [[name, service]] : [],
      ),
    );
  }

  /** Legacy is asked for what the client asked for, by name and path. */
  legacy(reception: Reception, rawHeaders: readonly string[]): SideRequest {
    const upstream = this.#config.legacy;
    const headers = upstreamRequestHeaders(rawHeaders, reception, { upstream, pseudonym: this.#pseudonym, own: [] });
    return { upstream, target: reception.facts.target, headers };
  }

  /** The new side is told the signed user, and from which log address on it must answer; its path may be another. */
  newSide(reception: Reception, rawHeaders: readonly string[], route: Route, atLeast: string | undefined): SideRequest {
    const upstream = this.#services.get(route.capability);
    if (!upstream) throw new Error(`capability ${route.capability} has no service; the configuration was not checked`);
    const { user } = reception.facts;
    const own: (readonly [string, string])[] = [
      ...(user === undefined ? [] : [[strangler.user, signUser(user, this.#config.identity.secret)] as const]),
      ...(atLeast === undefined ? [] : [[strangler.atLeast, atLeast] as const]),
    ];
    const headers = upstreamRequestHeaders(rawHeaders, reception, { upstream, pseudonym: this.#pseudonym, own });
    return { upstream, target: newSideTarget(route, reception.facts.target), headers };
  }

  /** The side a shadow asks, for a route. */
  side(side: Target, reception: Reception, rawHeaders: readonly string[], route: Route): SideRequest {
    return side === 'legacy'
      ? this.legacy(reception, rawHeaders)
      : this.newSide(reception, rawHeaders, route, undefined);
  }
}
