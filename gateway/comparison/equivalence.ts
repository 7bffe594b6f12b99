import type { Json } from '../../contract/json.ts';

/** A value on one side, undefined where the side has none. */
export type Side = Json | undefined;

/**
 * Ways in which two different values can mean the same.
 * `instant`: the same moment, whatever the notation (`2025-12-24 10:00:00` is read as UTC; ISO 8601; epoch milliseconds).
 * `date`: the same calendar day; the zero date `0000-00-00` of MySQL, null, empty and missing are one.
 * `number`: the same number, as number or as text (`"12.50"` and `12.5`).
 * `boolean`: true, 1, "1" and "true" are one; false, 0, "0" and "false" are one.
 * `empty`: null, "" and missing are one.
 * `path`: the same path and query, whatever the origin (`http://a/x?y` and `/x?y`).
 */
export const equivalences = {
  instant: same(instant),
  date: same(calendarDay),
  number: same(numeric),
  boolean: same(truth),
  empty: (control: Side, candidate: Side) => isEmpty(control) && isEmpty(candidate),
  path: same(pathOf),
} satisfies Record<string, (control: Side, candidate: Side) => boolean>;

export type Equivalence = keyof typeof equivalences;
export const equivalenceNames = Object.keys(equivalences) as [Equivalence, ...Equivalence[]];

/** Two values are the same when both can be read and read alike. */
function same(read: (value: Side) => string | number | boolean | undefined) {
  return (control: Side, candidate: Side): boolean => {
    const meaning = read(control);
    return meaning !== undefined && meaning === read(candidate);
  };
}

function instant(value: Side): number | undefined {
  if (typeof value === 'number') return value;
  const match =
    typeof value === 'string' &&
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|[+-]\d\d:?\d\d)?$/i.exec(value);
  if (!match) return undefined;
  const moment = Date.parse(`${match[1]}T${match[2]}${match[3] ?? 'Z'}`);
  return Number.isNaN(moment) ? undefined : moment;
}

function calendarDay(value: Side): string | undefined {
  if (isEmpty(value)) return 'no date';
  const match = typeof value === 'string' && /^(\d{4}-\d\d-\d\d)(?:$|[T ])/.exec(value);
  if (!match) return undefined;
  return match[1] === '0000-00-00' ? 'no date' : match[1];
}

function numeric(value: Side): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : undefined;
}

function truth(value: Side): boolean | undefined {
  if (value === true || value === 1 || value === '1' || value === 'true') return true;
  return value === false || value === 0 || value === '0' || value === 'false' ? false : undefined;
}

function pathOf(value: Side): string | undefined {
  if (typeof value !== 'string' || !URL.canParse(value, 'http://origin')) return undefined;
  const { pathname, search, hash } = new URL(value, 'http://origin');
  return pathname + search + hash;
}

function isEmpty(value: Side): boolean {
  return value === undefined || value === null || value === '';
}
