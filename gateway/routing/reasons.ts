import { type BodyProblem, bodyProblems } from './request-body.ts';
import { type Ambiguity, ambiguities } from './request-target.ts';
import { matchText, type Route } from './route.ts';
import type { SplitEntry } from './split-entry.ts';
import type { Stage, Target } from './stage.ts';

/** One step of why, in the order taken. Optimization: facts only; they are put into words when somebody reads them. */
export type Reason =
  | { readonly step: 'bypass' }
  | { readonly step: 'path'; readonly ambiguous: readonly Ambiguity[] }
  | { readonly step: 'match'; readonly route: Route | undefined }
  /** A route asked for a field of a body that cannot be looked into; `to` undefined: the next route was tried. */
  | { readonly step: 'body'; readonly route: Route; readonly problem: BodyProblem; readonly to: Target | undefined }
  | { readonly step: 'serve'; readonly to: Target }
  /** `to` undefined: the split is asked first. */
  | { readonly step: 'stage'; readonly stage: Stage; readonly to: Target | undefined }
  | SplitReason
  | { readonly step: 'percent'; readonly place: number; readonly percent: number; readonly to: Target }
  /** No entry of the split applied, and nothing else decides. */
  | { readonly step: 'otherwise' }
  | { readonly step: 'held'; readonly because: string }
  | { readonly step: 'fallback'; readonly because: string };

/** An entry of a split that was asked. */
export interface SplitReason {
  readonly step: 'split';
  readonly entry: SplitEntry;
  readonly applies: boolean;
  /** What the answer came from: the first name with another value, the user, the flag's own reason, the place of the assignment key. */
  readonly found: string | number | undefined;
}

/**
 * A reason in one or two words for logs and metrics, of bounded variety: `stage:canary`, `split:flag new-shipments`, `percent:new`.
 *
 * Optimization: always the same text for the same code, made once. Each request's line in the log is looked up by it, and a text that was just
 * put together would first have to be joined and hashed.
 */
export function reasonCode(reason: Reason): string {
  switch (reason.step) {
    case 'path':
      return pathCodes[reason.ambiguous[0]!];
    case 'match':
      return reason.route === undefined ? 'match:none' : 'match';
    case 'body':
      return bodyCodes[reason.problem];
    case 'serve':
      return serveCodes[reason.to];
    case 'percent':
      return percentCodes[reason.to];
    case 'stage':
      return stageCodes[reason.stage.kind];
    case 'split':
      return entryCode(reason);
    case 'bypass':
    case 'otherwise':
    case 'held':
    case 'fallback':
      return reason.step;
    default:
      return reason satisfies never;
  }
}

const sides: readonly Target[] = ['legacy', 'new'];
const stageKinds: readonly Stage['kind'][] = ['legacy', 'shadow', 'canary', 'new', 'retired'];
const pathCodes = codes('path', Object.keys(ambiguities) as Ambiguity[]);
const bodyCodes = codes('body', Object.keys(bodyProblems) as BodyProblem[]);
const serveCodes = codes('serve', sides);
const percentCodes = codes('percent', sides);
const stageCodes = codes('stage', stageKinds);

function codes<Name extends string>(step: string, names: readonly Name[]): Readonly<Record<Name, string>> {
  return Object.fromEntries(names.map((name) => [name, `${step}:${name}`])) as Record<Name, string>;
}

/** An entry's codes: where it applies, and where not. */
const entryCodes = new WeakMap<SplitEntry, readonly [applies: string, not: string]>();

function entryCode({ entry, applies }: SplitReason): string {
  let known = entryCodes.get(entry);
  if (!known) {
    known = [`split:${entryName(entry)}`, `split:not ${entryName(entry)}`];
    entryCodes.set(entry, known);
  }
  return known[applies ? 0 : 1];
}

/** Which entry of a split, without the values and users it names. */
function entryName(entry: SplitEntry): string {
  switch (entry.kind) {
    case 'header':
    case 'cookie':
      return `${entry.kind} ${Object.keys(entry.values).join(' ')}`;
    case 'flag':
      return `flag ${entry.flag}`;
    case 'user':
    case 'percent':
      return entry.kind;
    default:
      return entry satisfies never;
  }
}

/** A reason as a sentence: `flag new-shipments is on (default strategy) → new`. */
export function reasonText(reason: Reason): string {
  switch (reason.step) {
    case 'bypass':
      return 'bypass is on → legacy';
    case 'path':
      return `${ambiguityText(reason.ambiguous)} → legacy`;
    case 'match':
      return reason.route === undefined ? 'no route takes this request → legacy' : routeText(reason.route);
    case 'body':
      return `route ${reason.route.name} asks for the body, and ${bodyProblems[reason.problem]} → ${reason.to ?? 'the next route'}`;
    case 'serve':
      return `the configuration says serve: ${reason.to}`;
    case 'stage':
      return stageSentence(reason.stage, reason.to);
    case 'split':
      return splitText(reason);
    case 'percent':
      return `${placeText(reason.place, reason.percent, reason.to === 'new')} → ${reason.to}`;
    case 'otherwise':
      return 'no entry applies → legacy';
    case 'held':
      return `${reason.because} → new`;
    case 'fallback':
      return `${reason.because} → legacy`;
    default:
      return reason satisfies never;
  }
}

/** Why a path is not matched: `two systems could read the path differently: it has a semicolon`. */
export function ambiguityText(found: readonly Ambiguity[]): string {
  return `two systems could read the path differently: it has ${found.map((name) => ambiguities[name]).join(', ')}`;
}

function routeText(route: Route): string {
  const text = matchText(route.match);
  return route.name === text
    ? `route ${text} of ${route.capability}`
    : `route ${route.name} of ${route.capability}: ${text}`;
}

function stageSentence(stage: Stage, to: Target | undefined): string {
  const name = `stage ${stage.kind}${stage.kind === 'canary' ? ` ${stage.percent} %` : ''}`;
  return to === undefined ? name : `${name} → ${to}`;
}

function splitText(reason: SplitReason): string {
  const { entry, applies } = reason;
  const because = becauseOf(reason);
  return applies ? `${because} → ${entry.to}` : because;
}

function becauseOf({ entry, applies, found }: SplitReason): string {
  switch (entry.kind) {
    case 'header':
    case 'cookie':
      return valuesText(entry.kind, entry.values, applies ? undefined : String(found));
    case 'user':
      return found === undefined ? 'no user recognised' : `user ${found} is ${applies ? '' : 'not '}listed`;
    case 'flag':
      return `flag ${entry.flag} is ${applies ? 'on' : 'off'} (${found})`;
    case 'percent':
      return placeText(Number(found), entry.percent, applies);
    default:
      return entry satisfies never;
  }
}

function valuesText(kind: string, values: Readonly<Record<string, string>>, wrong: string | undefined): string {
  if (wrong !== undefined) return `${kind} ${wrong} is not ${values[wrong]}`;
  return Object.entries(values)
    .map(([name, value]) => `${kind} ${name} is ${value}`)
    .join(' and ');
}

function placeText(place: number, percent: number, under: boolean): string {
  return `place ${place.toFixed(2)} of 100 lies ${under ? 'under' : 'not under'} ${percent} %`;
}
