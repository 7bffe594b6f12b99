import type { Comparison, Obstacle } from '../comparison/compare.ts';
import type { CompareRules } from '../comparison/config.ts';

/**
 * Why an exchange that the shadow asked about says nothing. Beside control's own obstacles:
 * `lag`: the new side had not yet seen what legacy had, so a difference would be the bridge's or the projection's delay.
 * `raced`: the record changed between the two answers, asked again they are the same.
 */
export type Inconclusive = Obstacle | 'lag' | 'raced';

/** Why an exchange was not asked about at all. */
export type DropReason =
  | 'concurrency'
  | 'memory'
  | 'waited-too-long'
  | 'breaker-open'
  | 'not-a-read'
  | 'stopping'
  | 'defect';

/** What one exchange told. */
export interface ShadowResult {
  readonly route: string;
  readonly method: string;
  /** The request target as received, `/shipments/7?x=1`. */
  readonly target: string;
  readonly comparison:
    | Exclude<Comparison, { kind: 'not-comparable' }>
    | { readonly kind: 'not-comparable'; readonly reason: Inconclusive; readonly detail: string };
  readonly controlMs: number | undefined;
  readonly candidateMs: number | undefined;
  /** The route's rules: they say what is never kept. */
  readonly rules: CompareRules;
}

/** Where the shadow reports to. Nothing of it throws. */
export interface EvidenceSink {
  record(result: ShadowResult): void;
  dropped(route: string, reason: DropReason): void;
}
