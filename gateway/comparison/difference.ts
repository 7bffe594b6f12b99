import type { Json } from '../../contract/json.ts';

/** How an answer's body was read. */
export type BodyForm = 'empty' | 'json' | 'text' | 'bytes';

/**
 * One place where two answers differ. `path` is `status`, `header.location`, a JSON Pointer (`/items/0/price`), `line 12`,
 * `body` or `answer`.
 */
export type Difference =
  | { readonly kind: 'status'; readonly path: 'status'; readonly control: number; readonly candidate: number }
  | {
      readonly kind: 'header';
      readonly path: string;
      /** Undefined where the field is missing. */
      readonly control: string | undefined;
      readonly candidate: string | undefined;
    }
  /** Both sides have the place, with different values. */
  | { readonly kind: 'value'; readonly path: string; readonly control: Json; readonly candidate: Json }
  /** Only control has the place. */
  | { readonly kind: 'missing'; readonly path: string; readonly control: Json }
  /** Only the candidate has the place. */
  | { readonly kind: 'added'; readonly path: string; readonly candidate: Json }
  /** The same elements in another order. */
  | { readonly kind: 'order'; readonly path: string }
  | {
      readonly kind: 'line';
      readonly path: string;
      /** Undefined where the side has no such line. */
      readonly control: string | undefined;
      readonly candidate: string | undefined;
    }
  /** One is JSON and the other HTML, or one is empty. */
  | { readonly kind: 'form'; readonly path: 'body'; readonly control: BodyForm; readonly candidate: BodyForm }
  /** Neither JSON nor text; told as length and digest. */
  | { readonly kind: 'bytes'; readonly path: 'body'; readonly control: string; readonly candidate: string }
  /** The candidate's body is longer than the budget, or cannot be decoded. */
  | { readonly kind: 'unreadable'; readonly path: 'body'; readonly reason: string }
  /** The candidate gave no answer. */
  | { readonly kind: 'failure'; readonly path: 'answer'; readonly reason: string };

/** A difference that a rule declares harmless; `rule` is how the configuration wrote it, `ignore /generatedAt`. */
export interface IgnoredDifference {
  readonly difference: Difference;
  readonly rule: string;
}

/** The most differences one comparison lists, and the most harmless ones; what is beyond changes no verdict. */
export const maxDifferences = 200;

/** Gathers what a comparison finds. */
export class Findings {
  readonly differences: Difference[] = [];
  readonly ignored: IgnoredDifference[] = [];

  /** Nothing more can change the verdict or the list. */
  get full(): boolean {
    return this.differences.length >= maxDifferences;
  }

  /** Notes a difference, as harmless when `rule` names why. */
  add(difference: Difference, rule?: string): void {
    if (rule === undefined) {
      if (!this.full) this.differences.push(difference);
    } else if (this.ignored.length < maxDifferences) {
      this.ignored.push({ difference, rule });
    }
  }

  /** Takes over what another comparison found. */
  join(other: Findings): void {
    for (const difference of other.differences) this.add(difference);
    for (const { difference, rule } of other.ignored) this.add(difference, rule);
  }
}
