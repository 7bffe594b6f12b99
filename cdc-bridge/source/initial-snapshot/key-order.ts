import type { Row } from '../../mapping/row-change.ts';
import type { LegacyDatabase } from '../legacy-database.ts';
import type { KeyColumn, OrderValue } from './key-column.ts';

/** A key's place in the order of its table. */
export type Place = readonly OrderValue[];

/** Below 0 when the first place comes earlier, above 0 when it comes later. */
export type Comparison = number;

/**
 * The order in which a table is walked, which is the server's own: collations, padding and all. Numbers, bytes and dates are compared here;
 * text, DECIMAL, TIME and UUID by the server, one query for all the keys of a transaction.
 */
export class KeyOrder {
  readonly #columns: readonly KeyColumn[];
  readonly #database: Pick<LegacyDatabase, 'query'>;

  constructor(columns: readonly KeyColumn[], database: Pick<LegacyDatabase, 'query'>) {
    this.#columns = columns;
    this.#database = database;
  }

  /** Where a row stands, by its image and what that lacks by its image of before; undefined when the key cannot be told from them. */
  placeOf(row: Row, before?: Row): Place | undefined {
    const place: OrderValue[] = [];
    for (const column of this.#columns) {
      const cell = row[column.name] ?? before?.[column.name];
      if (typeof cell !== 'string' && typeof cell !== 'number') return undefined;
      place.push(column.orderValue(cell));
    }
    return place;
  }

  /** Compares each place with the bound. */
  async compare(places: readonly Place[], bound: Place): Promise<Comparison[]> {
    const asked = new ServerComparisons(this.#columns, bound);
    for (const place of places) asked.add(place);
    const answers = await asked.answers(this.#database);
    return places.map((place) => compareHere(this.#columns, place, bound, answers));
  }
}

function compareHere(
  columns: readonly KeyColumn[],
  place: Place,
  bound: Place,
  answers: ReadonlyMap<string, number>,
): Comparison {
  for (const [index, column] of columns.entries()) {
    const value = place[index]!;
    const result = comparers[column.compares](value, bound[index]!) ?? answers.get(`${index}:${value}`)!;
    if (result !== 0) return result;
  }
  return 0;
}

const comparers: Record<KeyColumn['compares'], (a: OrderValue, b: OrderValue) => number | undefined> = {
  numbers: compareNumbers,
  bytes: compareBytes,
  text: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
  'on-the-server': (a, b) => (a === b ? 0 : undefined),
};

function compareNumbers(a: OrderValue, b: OrderValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function compareBytes(a: OrderValue, b: OrderValue): number {
  return Buffer.compare(Buffer.from(String(a), 'base64'), Buffer.from(String(b), 'base64'));
}

/** The comparisons that only the server can make, gathered so that they cost one round trip. */
class ServerComparisons {
  readonly #columns: readonly KeyColumn[];
  readonly #bound: Place;
  readonly #asked = new Map<string, { readonly index: number; readonly value: OrderValue }>();

  constructor(columns: readonly KeyColumn[], bound: Place) {
    this.#columns = columns;
    this.#bound = bound;
  }

  add(place: Place): void {
    for (const [index, value] of place.entries()) {
      if (this.#columns[index]!.compares === 'on-the-server' && value !== this.#bound[index])
        this.#asked.set(`${index}:${value}`, { index, value });
    }
  }

  async answers(database: Pick<LegacyDatabase, 'query'>): Promise<Map<string, number>> {
    const answers = new Map<string, number>();
    const asked = [...this.#asked];
    for (let from = 0; from < asked.length; from += maxPerQuery) {
      await this.#ask(database, asked.slice(from, from + maxPerQuery), answers);
    }
    return answers;
  }

  async #ask(
    database: Pick<LegacyDatabase, 'query'>,
    asked: readonly (readonly [string, { readonly index: number; readonly value: OrderValue }])[],
    answers: Map<string, number>,
  ): Promise<void> {
    const values: unknown[] = [];
    const terms = asked.map(([, { index, value }], at) => {
      const column = this.#columns[index]!;
      const bound = column.parameter(this.#bound[index]!);
      values.push(column.parameter(value), bound, column.parameter(value), bound);
      return `(${column.placeholder} > ${column.placeholder}) - (${column.placeholder} < ${column.placeholder}) AS a${at}`;
    });
    const [row] = await database.query(`SELECT ${terms.join(', ')}`, values);
    for (const [at, [key]] of asked.entries()) answers.set(key, Number(row![`a${at}`]));
  }
}

const maxPerQuery = 500;
