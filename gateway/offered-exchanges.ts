import type { ActivePlan } from './active-plan.ts';
import type { CompareRules } from './comparison/config.ts';
import type { SideRequest } from './forwarding/sides.ts';
import type { Reception } from './identity/reception.ts';
import type { Route } from './routing/route.ts';
import type { Target } from './routing/stage.ts';
import type { Exchange } from './shadow/exchange.ts';

interface Origin {
  readonly reception: Reception;
  readonly plan: ActivePlan;
}

/** Where exchanges that were offered to a shadow came from: a shadow that runs later asks by the plan that its request was served by. */
export class OfferedExchanges {
  readonly #origins = new WeakMap<Exchange, Origin>();

  remember(exchange: Exchange, origin: Origin): void {
    this.#origins.set(exchange, origin);
  }

  /** How the shadow asks a side. */
  sideOf(exchange: Exchange, side: Target): SideRequest {
    const { reception, plan, route } = this.#originOf(exchange);
    return plan.serving.sides.side(side, reception, exchange.rawHeaders, route);
  }

  /** How the two answers are compared. */
  rulesOf(exchange: Exchange): CompareRules {
    const { plan, route } = this.#originOf(exchange);
    return plan.rulesOf(route);
  }

  #originOf(exchange: Exchange): Origin & { readonly route: Route } {
    const origin = this.#origins.get(exchange);
    const { route: name } = exchange.decision;
    const route = name === undefined ? undefined : origin?.plan.table.find(name);
    if (!origin || !route) throw new Error('found an exchange that was not offered by this gateway');
    return { ...origin, route };
  }
}
