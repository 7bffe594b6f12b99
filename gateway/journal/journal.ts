import type { Stage } from '../routing/stage.ts';

/** The gateway's own state as folded from topic `migration`. Immutable: a change makes a new one. */
export interface JournalState {
  /** Stage by route name, for routes that were ever moved. */
  readonly stages: ReadonlyMap<string, Stage>;
  /** Offset in topic `migration` up to which this is folded. */
  readonly offset: number;
}
