import type { RequestFacts } from '../routing/decision.ts';
import { type CheckByClient, compileConstraint, type Loose } from './compile-constraint.ts';
import { compileStrategy, isObject } from './compile-strategy.ts';
import { type ChooseVariant, compileVariants } from './compile-variants.ts';
import { type Evaluations, evaluationsOf } from './evaluations.ts';
import type { Feature } from './feature.ts';
import type { Predicate } from './flag-context.ts';
import type { FlagEvaluation, FlagRoute } from './flag-source.ts';

/** A definition made ready for the hot path. */
export interface CompiledFeature {
  readonly evaluations: Evaluations;
  /** Flags that must be on, or off, for this one to be on. */
  readonly dependencies: readonly Dependency[];
  /** What its own strategies say. */
  evaluate(facts: RequestFacts, route: FlagRoute | undefined): FlagEvaluation;
}

/** What another flag must say. */
export interface Dependency {
  readonly feature: string;
  readonly enabled: boolean;
  /** One of these variants; with none, any. */
  readonly variants: readonly unknown[];
}

/** What a definition is compiled with. */
export interface CompileWith {
  segment(id: number): unknown;
  readonly checkByClient: CheckByClient;
}

interface CompiledStrategy {
  readonly applies: Predicate;
  /** Undefined: its own variants decide nothing. */
  readonly chooseVariant: ChooseVariant | undefined;
}

/** The name that unleash-client gives the variant of a flag that has none. */
export const noVariant = 'disabled';

/**
 * Compiles a definition; undefined when chance decides something in it or when it is malformed: then unleash-client is to be asked. What is
 * compiled says the same as the client does, for every request: fuzz/flags.ts holds it to that.
 */
export function compileFeature(feature: Feature, compileWith: CompileWith): CompiledFeature | undefined {
  const evaluations = evaluationsOf(feature);
  const dependencies = readDependencies(feature.dependencies);
  const strategies = compileStrategies(feature.strategies, compileWith);
  const chooseVariant = compileFeatureVariants(feature);
  if (!dependencies || !strategies || !chooseVariant) return undefined;
  if (!feature.enabled) return { evaluations, dependencies, evaluate: () => evaluations.off };
  const { on, off } = evaluations;
  return {
    evaluations,
    dependencies,
    evaluate(facts, route) {
      const strategy = firstApplying(strategies, facts, route);
      if (!strategy && strategies.length > 0) return off;
      const variant = strategy?.chooseVariant?.(facts, route) ?? chooseVariant(facts, route);
      return variant === undefined ? on : evaluations.variant(variant);
    },
  };
}

/** Optimization: a loop where `find` would make a function per request. */
function firstApplying(strategies: readonly CompiledStrategy[], facts: RequestFacts, route: FlagRoute | undefined) {
  for (const strategy of strategies) if (strategy.applies(facts, route)) return strategy;
  return undefined;
}

function compileStrategies(strategies: unknown, compileWith: CompileWith): CompiledStrategy[] | undefined {
  return Array.isArray(strategies) ? allOrNothing(strategies, (one) => compileOne(one, compileWith)) : undefined;
}

function compileOne(strategy: unknown, compileWith: CompileWith): CompiledStrategy | undefined {
  if (!isObject(strategy)) return undefined;
  const chosen = compileStrategy(strategy);
  const constraints = compileConstraints(strategy, compileWith);
  const variants = compileStrategyVariants(strategy);
  if (!chosen || !constraints || variants === undefined) return undefined;
  return { applies: all([...constraints, chosen]), chooseVariant: variants || undefined };
}

/** Those of the strategy, then those of its segments. A segment that is missing is never met. */
function compileConstraints({ constraints, segments }: Loose, { segment, checkByClient }: CompileWith) {
  const ids = segments ?? [];
  if (!Array.isArray(ids)) return undefined;
  const found: unknown[] = ids.map((id) => segment(id));
  const lists = [constraints || [], ...found.map((one) => (isObject(one) ? (one.constraints ?? []) : [undefined]))];
  if (!lists.every((list) => Array.isArray(list))) return undefined;
  return allOrNothing(lists.flat(), (constraint) => compileConstraint(constraint, checkByClient));
}

/** Null: it has none. */
function compileStrategyVariants({ variants, parameters }: Loose): ChooseVariant | null | undefined {
  if (!Array.isArray(variants) || variants.length === 0) return null;
  const { groupId, stickiness } = (parameters ?? {}) as Loose;
  return compileVariants(String(groupId), (variants[0] as Loose | null)?.stickiness || stickiness, variants);
}

function compileFeatureVariants({ name, variants }: Feature): ChooseVariant | undefined {
  if (!Array.isArray(variants) || variants.length === 0) return () => undefined;
  return compileVariants(name, (variants[0] as Loose | null)?.stickiness ?? undefined, variants);
}

function readDependencies(dependencies: unknown): Dependency[] | undefined {
  if (dependencies === undefined || dependencies === null) return [];
  return Array.isArray(dependencies) ? allOrNothing(dependencies, readDependency) : undefined;
}

function readDependency(dependency: unknown): Dependency | undefined {
  if (!isObject(dependency) || typeof dependency.feature !== 'string') return undefined;
  const { feature, enabled, variants } = dependency;
  const names = variants ?? [];
  return Array.isArray(names) ? { feature, enabled: enabled !== false, variants: names } : undefined;
}

/** Optimization: most strategies have no constraint, and then there is no list to walk; `every` would make a function per request. */
function all(predicates: readonly Predicate[]): Predicate {
  if (predicates.length === 1) return predicates[0]!;
  return (facts, route) => {
    for (const predicate of predicates) if (!predicate(facts, route)) return false;
    return true;
  };
}

function allOrNothing<From, To>(list: readonly From[], make: (one: From) => To | undefined): To[] | undefined {
  const made = list.map(make);
  return made.every((one) => one !== undefined) ? (made as To[]) : undefined;
}
