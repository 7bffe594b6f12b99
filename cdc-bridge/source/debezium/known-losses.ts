import type { ColumnType, ColumnTypes } from './column-type.ts';

type Affects = (type: ColumnType) => boolean;
const isOneOf =
  (...names: readonly string[]): Affects =>
  ({ name }) =>
    names.includes(name);

/** What Debezium has lost or changed before a value gets here, and in which columns it may have. */
const losses: readonly (readonly [Affects, string])[] = [
  [isOneOf('date', 'datetime'), 'zero and partial dates come as NULL, in a column without NULL as unreadable'],
  [isOneOf('timestamp'), 'a zero timestamp that a snapshot read comes as NULL'],
  [isOneOf('json'), 'JSON of MySQL comes as another text of the same document'],
  [isOneOf('uuid'), 'a UUID that begins with 00 is unreadable'],
];

/** Of one table: sentences for an operator, each with its columns; none when it has no such column. */
export function knownLosses(columns: ColumnTypes): string[] {
  return losses.flatMap(([affects, loss]) => {
    const names = [...columns].filter(([, type]) => affects(type)).map(([name]) => name);
    return names.length > 0 ? [`${loss}: ${names.join(', ')}`] : [];
  });
}
