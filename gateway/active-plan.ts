import type { CompareRules } from './comparison/config.ts';
import type { GatewayConfig } from './config.ts';
import type { ServingPorts } from './forwarding/serve-request.ts';
import type { Identity } from './identity/identity.ts';
import type { Route } from './routing/route.ts';
import type { RouteTable } from './routing/route-table.ts';
import type { CapabilityShadow } from './shadow/shadow.ts';

/** Something that plans share for as long as it is the same in them. */
export interface Held {
  /** No plan needs it any more: it finishes what it has, then closes. */
  finish(): Promise<void>;
  /** The gateway ends. */
  stop(): Promise<void>;
}

/** The pieces of a plan. */
export interface PlanPieces {
  readonly config: GatewayConfig;
  readonly table: RouteTable;
  readonly identity: Identity;
  /** By capability. */
  readonly shadows: ReadonlyMap<string, CapabilityShadow>;
  readonly serving: ServingPorts;
  /** What it needs to be open, by what it is. */
  readonly held: ReadonlyMap<object, Held>;
}

/**
 * A configuration as requests meet it: built whole, never changed. A request begins with the plan of that moment and keeps it to its end,
 * so that a reload is seen by whole requests only.
 */
export class ActivePlan implements PlanPieces {
  readonly config: GatewayConfig;
  readonly table: RouteTable;
  readonly identity: Identity;
  readonly shadows: ReadonlyMap<string, CapabilityShadow>;
  readonly serving: ServingPorts;
  readonly held: ReadonlyMap<object, Held>;
  readonly #rules: ReadonlyMap<string, ReadonlyMap<string, CompareRules>>;
  #requests = 0;
  #onLeft: (() => void) | undefined;

  constructor({ config, table, identity, shadows, serving, held }: PlanPieces) {
    this.config = config;
    this.table = table;
    this.identity = identity;
    this.shadows = shadows;
    this.serving = serving;
    this.held = held;
    this.#rules = new Map(config.capabilities.map(({ name, compare }) => [name, compare]));
  }

  /** A request begins. */
  begin(): void {
    this.#requests += 1;
  }

  /** A request that began is over. */
  end(): void {
    this.#requests -= 1;
    if (this.#requests === 0) this.#onLeft?.();
  }

  /** Resolves when no request has this plan. To be called when none can begin with it any more. */
  left(): Promise<void> {
    if (this.#requests === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onLeft = resolve;
    });
  }

  /** By which rules a route's answers are compared. */
  rulesOf({ capability, name }: Route): CompareRules {
    const rules = this.#rules.get(capability)?.get(name);
    if (!rules) throw new Error(`found route ${name} of ${capability}, which is none of this plan`);
    return rules;
  }
}
