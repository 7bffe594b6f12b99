import type { RequestFacts } from '../routing/decision.ts';
import { contextOf, type Predicate, type ReadField, readerOf } from './flag-context.ts';

/** A constraint as a definition has it; nothing of it is known to be well-formed. */
export type Loose = Readonly<Record<string, unknown>>;

/** Asks unleash-client itself whether a constraint is met. Throws on malformed ones. */
export type CheckByClient = (constraint: Loose, context: ReturnType<typeof contextOf>) => boolean;

const never: Predicate = () => false;

/** Operators whose values are parsed by packages that unleash-client brings: only it knows what they mean to the letter. */
const checkedByClient = new Set<unknown>([
  'SEMVER_EQ',
  'SEMVER_GT',
  'SEMVER_LT',
  'SEMVER_GTE',
  'SEMVER_LTE',
  'REGEX',
  'IN_CIDR',
]);

/**
 * A constraint as a predicate that says what unleash-client says; undefined for a malformed one, which the client is to judge. A constraint
 * with an operator that the client does not know is never met, inverted or not.
 */
export function compileConstraint(constraint: unknown, checkByClient: CheckByClient): Predicate | undefined {
  if (!constraint) return never;
  if (typeof constraint !== 'object') return undefined;
  const loose = constraint as Loose;
  if (checkedByClient.has(loose.operator)) {
    return (facts, route) => checkByClient(loose, contextOf(facts, route));
  }
  const met = compileOperator(loose);
  return met && loose.inverted && met !== never ? (facts, route) => !met(facts, route) : met;
}

function compileOperator(constraint: Loose): Predicate | undefined {
  const { operator } = constraint;
  if (operator === 'DATE_AFTER' || operator === 'DATE_BEFORE') return compileDate(constraint);
  const read = readerOf(constraint.contextName);
  if (!read) return undefined;
  if (operator === 'IN' || operator === 'NOT_IN') return compileIn(constraint, read);
  const compareText = textOperators.get(operator);
  if (compareText) return compileText(constraint, read, compareText);
  const compareNumbers = numberOperators.get(operator);
  if (compareNumbers) {
    const bound = Number(constraint.value);
    return (facts, route) => compareNumbers(Number(read(facts, route)), bound);
  }
  return never;
}

function compileIn(constraint: Loose, read: ReadField): Predicate | undefined {
  const cleaned = cleanValues(constraint.values);
  if (!cleaned) return undefined;
  const values: ReadonlySet<string | undefined> = new Set(cleaned);
  const wanted = constraint.operator === 'IN';
  return (facts, route) => values.has(read(facts, route)) === wanted;
}

type CompareText = (text: string, value: string) => boolean;

const textOperators: ReadonlyMap<unknown, CompareText> = new Map<unknown, CompareText>([
  ['STR_STARTS_WITH', (text, value) => text.startsWith(value)],
  ['STR_ENDS_WITH', (text, value) => text.endsWith(value)],
  ['STR_CONTAINS', (text, value) => text.includes(value)],
]);

function compileText(constraint: Loose, read: ReadField, compare: CompareText): Predicate | undefined {
  const cleaned = cleanValues(constraint.values);
  if (!cleaned) return undefined;
  const { caseInsensitive } = constraint;
  const values = caseInsensitive ? cleaned.map((value) => value.toLocaleLowerCase()) : cleaned;
  return (facts, route) => {
    const given = read(facts, route);
    if (given === undefined) return false;
    const text = caseInsensitive ? given.toLocaleLowerCase() : given;
    return values.some((value) => compare(text, value));
  };
}

/** NaN compares as false with everything, so what is no number meets none of them. */
const numberOperators: ReadonlyMap<unknown, (given: number, bound: number) => boolean> = new Map<
  unknown,
  (given: number, bound: number) => boolean
>([
  ['NUM_EQ', (given, bound) => given === bound],
  ['NUM_GT', (given, bound) => given > bound],
  ['NUM_GTE', (given, bound) => given >= bound],
  ['NUM_LT', (given, bound) => given < bound],
  ['NUM_LTE', (given, bound) => given <= bound],
]);

/** Dates are compared with the present, whatever field a constraint names. */
function compileDate({ operator, value }: Loose): Predicate {
  const bound = new Date(value as string).getTime();
  return operator === 'DATE_AFTER' ? (facts) => momentOf(facts) > bound : (facts) => momentOf(facts) < bound;
}

function momentOf({ time }: RequestFacts): number {
  return time?.getTime() ?? Date.now();
}

/** As unleash-client cleans them: without empty ones, and without white space around them. */
function cleanValues(values: unknown): string[] | undefined {
  if (!Array.isArray(values)) return undefined;
  const given = values.filter((value) => Boolean(value));
  return given.every((value) => typeof value === 'string') ? given.map((value: string) => value.trim()) : undefined;
}
