import { isObject } from './compile-strategy.ts';
import { type Feature, strategiesText } from './feature.ts';
import type { FlagEvaluation } from './flag-source.ts';

/** Every outcome that a definition can have. Optimization: each is made once per definition, not per request. */
export interface Evaluations {
  readonly on: FlagEvaluation;
  readonly off: FlagEvaluation;
  /** A flag that it depends on forbids it. */
  readonly forbidden: FlagEvaluation;
  /** On, with this variant. */
  variant(name: string): FlagEvaluation;
}

/** The outcomes of a definition, with reasons that name its strategies. */
export function evaluationsOf(feature: Feature): Evaluations {
  const { strategies } = feature as { strategies: unknown };
  const text = Array.isArray(strategies) ? strategiesText({ strategies: strategies.filter(isObject) }) : '';
  const reason = text ? `on: a strategy applies (${text})` : 'on for everybody';
  const variants = new Map<string, FlagEvaluation>();
  return {
    on: { enabled: true, reason },
    off: { enabled: false, reason: feature.enabled ? `off: no strategy applies (${text})` : 'switched off' },
    forbidden: { enabled: false, reason: 'off: a flag that it depends on does not allow it' },
    variant(name) {
      const known = variants.get(name);
      if (known) return known;
      const made = { enabled: true, reason: `${reason}, variant ${name}`, variant: name };
      variants.set(name, made);
      return made;
    },
  };
}

/** Nobody set such a flag. */
export const unknownFlag: FlagEvaluation = { enabled: false, reason: 'unknown flag' };

/** A definition that cannot be evaluated is off. */
export const failedFlag: FlagEvaluation = { enabled: false, reason: 'off: its definition cannot be evaluated' };
