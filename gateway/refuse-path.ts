import { GatewayError } from './errors.ts';
import type { Undecided } from './routing/decide.ts';
import type { Decision } from './routing/decision.ts';
import { ambiguityText } from './routing/reasons.ts';

/** The decision; throws a GatewayError `ambiguous-path` for a request that the configuration refuses. The body must have been given. */
export function orRefuse(decided: Decision | Undecided): Decision {
  if (!('undecided' in decided)) return decided;
  if (decided.undecided === 'refused') throw new GatewayError('ambiguous-path', ambiguityText(decided.ambiguous));
  throw new Error('found a decision that waits for a body that was given');
}
