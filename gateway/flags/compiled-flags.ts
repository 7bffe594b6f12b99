import type { RequestFacts } from '../routing/decision.ts';
import type { CheckByClient } from './compile-constraint.ts';
import { type CompiledFeature, compileFeature, type Dependency, noVariant } from './compile-feature.ts';
import type { Feature } from './feature.ts';
import type { FlagEvaluation, FlagRoute } from './flag-source.ts';

/** Where definitions are kept. Each change of one is a new object. */
export interface FlagDefinitions {
  feature(name: string): Feature | undefined;
  segment(id: number): unknown;
  /** The same as long as no segment changes without the features that name it being new objects too. */
  segmentsRevision(): unknown;
}

/**
 * Compiled definitions, kept by definition object: a definition that changed is another object and is compiled when it is first asked for,
 * so a change is effective in the same tick.
 */
export class CompiledFlags {
  readonly #definitions: FlagDefinitions;
  readonly #checkByClient: CheckByClient;
  #segmentsRevision: unknown;
  /** Null: not compilable. */
  #compiled = new WeakMap<Feature, CompiledFeature | null>();

  constructor(definitions: FlagDefinitions, checkByClient: CheckByClient) {
    this.#definitions = definitions;
    this.#checkByClient = checkByClient;
  }

  /** What the definition says for a request; undefined: unleash-client is to be asked. */
  evaluate(feature: Feature, facts: RequestFacts, route: FlagRoute | undefined): FlagEvaluation | undefined {
    const compiled = this.#compile(feature);
    if (!compiled) return undefined;
    if (!feature.enabled) return compiled.evaluations.off;
    for (const dependency of compiled.dependencies) {
      const allowed = this.#allows(dependency, facts, route);
      if (allowed === undefined) return undefined;
      if (!allowed) return compiled.evaluations.forbidden;
    }
    return compiled.evaluate(facts, route);
  }

  /** A flag that is missing, or that depends on others itself, allows nothing. Undefined: unleash-client is to be asked. */
  #allows(dependency: Dependency, facts: RequestFacts, route: FlagRoute | undefined): boolean | undefined {
    const parent = this.#definitions.feature(dependency.feature);
    if (!parent) return false;
    const compiled = this.#compile(parent);
    if (!compiled) return undefined;
    if (compiled.dependencies.length > 0) return false;
    const { enabled, variant = noVariant } = compiled.evaluate(facts, route);
    if (!dependency.enabled) return !enabled;
    return enabled && (dependency.variants.length === 0 || dependency.variants.includes(variant));
  }

  #compile(feature: Feature): CompiledFeature | null {
    const revision = this.#definitions.segmentsRevision();
    if (revision !== this.#segmentsRevision) {
      this.#segmentsRevision = revision;
      this.#compiled = new WeakMap();
    }
    const known = this.#compiled.get(feature);
    if (known !== undefined) return known;
    const { segment } = this.#definitions;
    const compiled = compileFeature(feature, { segment, checkByClient: this.#checkByClient }) ?? null;
    this.#compiled.set(feature, compiled);
    return compiled;
  }
}
