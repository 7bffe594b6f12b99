import { canonicalJson, type Json, type JsonObject } from '../../contract/json.ts';
import type { CompareRules } from './config.ts';
import { type Difference, Findings } from './difference.ts';
import { equivalences, type Side } from './equivalence.ts';
import { largestPairing } from './pairing.ts';
import { covers, formatPointer, pointsAt } from './selector.ts';

type Path = readonly string[];

/** More elements than this that equal no other exactly are paired in the order they come. */
const maxPairingSize = 64;

/**
 * Compares two JSON values by structure: numbers by value, object keys in any order, missing and null distinct, arrays by index
 * unless a rule says that their order tells nothing.
 */
export function compareJson(control: Json, candidate: Json, rules: CompareRules): Findings {
  const findings = new Findings();
  walk(control, candidate, [], rules, findings);
  return findings;
}

function walk(control: Side, candidate: Side, path: Path, rules: CompareRules, findings: Findings): void {
  if (control === candidate || findings.full) return;
  if (Array.isArray(control) && Array.isArray(candidate)) {
    const unordered = rules.unordered.find((pointer) => pointsAt(pointer, path));
    if (unordered) walkUnordered(control, candidate, path, unordered.text, rules, findings);
    else walkElements(control, candidate, path, rules, findings);
  } else if (isObject(control) && isObject(candidate)) {
    walkMembers(control, candidate, path, rules, findings);
  } else {
    findings.add(differenceAt(control, candidate, path), harmlessBy(control, candidate, path, rules));
  }
}

function walkElements(control: Json[], candidate: Json[], path: Path, rules: CompareRules, findings: Findings): void {
  const length = Math.max(control.length, candidate.length);
  for (let index = 0; index < length; index += 1) {
    const [one, other] = [control[index], candidate[index]];
    if (one !== other) walk(one, other, [...path, String(index)], rules, findings);
  }
}

/** Optimization: a path is made only where the two are not the same primitive. */
function walkMembers(control: JsonObject, candidate: JsonObject, path: Path, rules: CompareRules, findings: Findings) {
  for (const key of Object.keys(control)) {
    const [one, other] = [control[key], own(candidate, key)];
    if (one !== other) walk(one, other, [...path, key], rules, findings);
  }
  for (const key of Object.keys(candidate)) {
    if (!Object.hasOwn(control, key)) walk(undefined, candidate[key], [...path, key], rules, findings);
  }
}

/** Pairs elements that are the same under the rules, then compares the ones left over in the order they come. */
function walkUnordered(
  control: Json[],
  candidate: Json[],
  path: Path,
  pointer: string,
  rules: CompareRules,
  findings: Findings,
): void {
  const { pairs, restOfControl, restOfCandidate } = pairEqual(control, candidate);
  const close = pairUnderRules(control, candidate, restOfControl, restOfCandidate, path, rules);
  for (const { findings: found } of close) findings.join(found);
  const allPairs = [...pairs, ...close.map(({ pair }) => pair)].sort((one, other) => one[0] - other[0]);
  if (allPairs.some(([, index], place) => place > 0 && index < allPairs[place - 1]![1])) {
    findings.add({ kind: 'order', path: formatPointer(path) }, `unordered ${pointer}`);
  }
  const left = restOfControl.filter((index) => !close.some(({ pair }) => pair[0] === index));
  const right = restOfCandidate.filter((index) => !close.some(({ pair }) => pair[1] === index));
  for (let place = 0; place < Math.max(left.length, right.length); place += 1) {
    const [one, other] = [left[place], right[place]];
    walk(element(control, one), element(candidate, other), [...path, String(one ?? other)], rules, findings);
  }
}

function pairEqual(control: Json[], candidate: Json[]) {
  const places = new Map<string, number[]>();
  candidate.forEach((value, index) => {
    const text = canonicalJson(value);
    places.set(text, [...(places.get(text) ?? []), index]);
  });
  const pairs: [number, number][] = [];
  const restOfControl: number[] = [];
  control.forEach((value, index) => {
    const match = places.get(canonicalJson(value))?.shift();
    if (match === undefined) restOfControl.push(index);
    else pairs.push([index, match]);
  });
  const restOfCandidate = [...places.values()].flat().sort((one, other) => one - other);
  return { pairs, restOfControl, restOfCandidate };
}

function pairUnderRules(
  control: Json[],
  candidate: Json[],
  left: readonly number[],
  right: readonly number[],
  path: Path,
  rules: CompareRules,
): { pair: [number, number]; findings: Findings }[] {
  if (left.length > maxPairingSize || right.length > maxPairingSize) return [];
  const found = left.map((one) =>
    right.map((other) => {
      const findings = new Findings();
      walk(control[one], candidate[other], [...path, String(one)], rules, findings);
      return findings;
    }),
  );
  const pairing = largestPairing(
    left.length,
    right.length,
    (one, other) => found[one]![other]!.differences.length === 0,
  );
  return pairing.map(([one, other]) => ({ pair: [left[one]!, right[other]!], findings: found[one]![other]! }));
}

function differenceAt(control: Side, candidate: Side, path: Path): Difference {
  const pointer = formatPointer(path);
  if (candidate === undefined) return { kind: 'missing', path: pointer, control: control! };
  if (control === undefined) return { kind: 'added', path: pointer, candidate };
  return { kind: 'value', path: pointer, control, candidate };
}

/** The rule that declares the difference harmless, as the configuration wrote it. */
function harmlessBy(control: Side, candidate: Side, path: Path, rules: CompareRules): string | undefined {
  const ignore = rules.ignore.find((selector) => selector.kind === 'pointer' && covers(selector, path));
  if (ignore) return `ignore ${ignore.text}`;
  const tolerance = rules.tolerance.find(({ at, amount }) => pointsAt(at, path) && isClose(control, candidate, amount));
  if (tolerance) return `tolerance ${tolerance.at.text}: ${tolerance.amount}`;
  const equivalent = rules.equivalent.find(
    ({ at, as }) => at.kind === 'pointer' && pointsAt(at, path) && equivalences[as](control, candidate),
  );
  return equivalent && `equivalent ${equivalent.at.text}: ${equivalent.as}`;
}

/** Numbers, or texts that are numbers (`"12.50"`), no further apart than `amount`. A number and a text are not close: that is `equivalent: number`. */
function isClose(control: Side, candidate: Side, amount: number): boolean {
  if (typeof control !== typeof candidate) return false;
  const [one, other] = [magnitude(control), magnitude(candidate)];
  if (one === undefined || other === undefined) return false;
  const rounding = Number.EPSILON * Math.max(Math.abs(one), Math.abs(other));
  return Math.abs(one - other) <= amount + rounding;
}

function magnitude(value: Side): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
}

function isObject(value: Side): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Not plain access: a key such as `__proto__` would find what every object inherits. */
function own(object: JsonObject, key: string): Side {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function element(array: Json[], index: number | undefined): Side {
  return index === undefined ? undefined : array[index];
}
