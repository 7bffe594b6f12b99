import type { RunningPart } from '../runtime/part.ts';
import type { ActivePlan, Held } from './active-plan.ts';
import { buildPlan, type PlanRooms } from './build-plan.ts';
import type { GatewayConfig } from './config.ts';

/**
 * The plan that requests begin with, and how it is replaced: the next one is built whole, then swapped in one assignment. The one before serves the
 * requests that began with it to their end; what only it needed is closed after the last.
 */
export class Plans implements RunningPart {
  readonly #rooms: PlanRooms;
  /** The current one, and those that still have requests. */
  readonly #live = new Set<ActivePlan>();
  #current: ActivePlan;

  /** Rejects when a file that the configuration names cannot be used. */
  static async open(config: GatewayConfig, rooms: PlanRooms): Promise<Plans> {
    return new Plans(await buildPlan(config, undefined, rooms), rooms);
  }

  private constructor(first: ActivePlan, rooms: PlanRooms) {
    this.#rooms = rooms;
    this.#current = first;
    this.#live.add(first);
  }

  get current(): ActivePlan {
    return this.#current;
  }

  /** Goes on by another configuration. Rejects, and goes on by the one that is there, when it cannot be built. One at a time. */
  async replace(config: GatewayConfig): Promise<void> {
    const before = this.#current;
    const next = await buildPlan(config, before, this.#rooms);
    this.#live.add(next);
    this.#current = next;
    void before.left().then(() => this.#retire(before));
  }

  /** Closes everything that plans hold; what shadows still have to ask is dropped. */
  async stop(): Promise<void> {
    const held = new Map<object, Held>([...this.#live].flatMap((plan) => [...plan.held]));
    this.#live.clear();
    await Promise.all([...held.values()].map((part) => part.stop()));
  }

  #retire(plan: ActivePlan): void {
    if (!this.#live.delete(plan)) return;
    const needed = (key: object) => [...this.#live].some(({ held }) => held.has(key));
    for (const [key, part] of plan.held) {
      if (!needed(key)) part.finish().catch((error) => this.#rooms.telemetry.defect(error, 'closing what a plan held'));
    }
  }
}
