import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { Strategy, Unleash, type UnleashConfig } from 'unleash-client';
import { CompiledFlags } from '../../gateway/flags/compiled-flags.ts';
import type { Feature } from '../../gateway/flags/feature.ts';
import type { RequestFacts } from '../../gateway/routing/decision.ts';
import { factsOf } from '../../test/cases/flag-source.cases.ts';
import { type RandomContext, type RandomFlag, randomContext, randomFlag } from './random-flag.ts';

/** What a run over random flags saw, so that a run in which nothing was compared cannot pass for one in which all was well. */
export interface ComparedFlags {
  readonly flags: number;
  /** Evaluations that were compiled, and so compared. */
  compared: number;
  /** Evaluations that were left to unleash-client. */
  leftToClient: number;
  on: number;
  withVariant: number;
}

const contextsPerFlag = 4;

/**
 * Holds compiled flags against unleash-client: for each of `flags` random flags and some random requests each, enabled and variant must be
 * the same. Throws with the smallest difference that it finds, and with the seed that finds it again.
 */
export function compareFlags(flags: number, seed: number): ComparedFlags {
  const seen: ComparedFlags = { flags, compared: 0, leftToClient: 0, on: 0, withVariant: 0 };
  const rig = new Rig();
  const contexts = fc.array(randomContext, { minLength: contextsPerFlag, maxLength: contextsPerFlag });
  const same = fc.property(randomFlag, contexts, (flag, asked) => {
    rig.define(flag);
    for (const context of asked) rig.compare(flag.feature.name, context, seen);
  });
  fc.assert(same, { numRuns: flags, seed });
  return seen;
}

/** Both evaluators over the same definitions. */
class Rig {
  #flags = new Map<string, Feature>();
  #segments = new Map<number, unknown>();
  readonly #client: Unleash;
  readonly #compiled: CompiledFlags;

  constructor() {
    const repository = Object.assign(new EventEmitter(), {
      getToggle: (name: string) => this.#flags.get(name),
      getSegment: (id: number) => this.#segments.get(id),
    });
    this.#client = new Unleash({
      appName: 'strangler-gateway',
      url: 'http://127.0.0.1/api/',
      repository: repository as unknown as NonNullable<UnleashConfig['repository']>,
      disableMetrics: true,
      disableAutoStart: true,
      skipInstanceCountWarning: true,
    });
    repository.emit('ready');
    const strategy = new Strategy('any');
    type Constraint = Parameters<Strategy['checkConstraint']>[0];
    this.#compiled = new CompiledFlags(
      {
        feature: repository.getToggle,
        segment: repository.getSegment,
        segmentsRevision: () => this.#segments,
      },
      (constraint, context) => strategy.checkConstraint(constraint as unknown as Constraint, context),
    );
  }

  define({ feature, parents, segments }: RandomFlag): void {
    this.#flags = new Map([feature, ...parents].map((one) => [one.name, one as unknown as Feature]));
    this.#segments = new Map(segments.map((segment) => [segment.id, segment]));
  }

  compare(flag: string, context: RandomContext, seen: ComparedFlags): void {
    const evaluation = this.#compiled.evaluate(this.#flags.get(flag)!, requestOf(context), context.route);
    if (!evaluation) {
      seen.leftToClient += 1;
      return;
    }
    const { enabled, variant = 'disabled' } = evaluation;
    const expected = this.#client.getVariant(flag, unleashContextOf(context));
    const isEnabled = this.#client.isEnabled(flag, unleashContextOf(context));
    if (enabled !== isEnabled || enabled !== expected.featureEnabled || variant !== expected.name) {
      const found = JSON.stringify({ enabled, variant });
      throw new Error(`compiled says ${found}, unleash-client ${JSON.stringify({ isEnabled, ...expected })}`);
    }
    seen.compared += 1;
    if (enabled) seen.on += 1;
    if (variant !== 'disabled') seen.withVariant += 1;
  }
}

function requestOf({ user, assignmentKey, clientAddress, time }: RandomContext): RequestFacts {
  return { ...factsOf(user, assignmentKey), clientAddress, ...(time && { time }) };
}

/** Written out here once more: what the gateway gives the client as context is part of what is compared. */
function unleashContextOf({ user, assignmentKey, clientAddress, time, route }: RandomContext) {
  return {
    userId: user ?? assignmentKey,
    sessionId: assignmentKey,
    remoteAddress: clientAddress,
    currentTime: time,
    properties: { route: route?.name, capability: route?.capability },
  };
}
