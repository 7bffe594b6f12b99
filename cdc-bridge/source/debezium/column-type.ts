/** What a column is declared as: all that is needed to undo an encoding. */
export interface ColumnType {
  /** The type's name in lower case, without length and attributes: `datetime`, `bigint`, `enum`. */
  readonly name: string;
  readonly unsigned: boolean;
  /** Digits of the fraction, of DECIMAL and of the types of time; 0 where there are none. */
  readonly scale: number;
  /** Digits in all, of DECIMAL; bits, of BIT. */
  readonly length: number;
  readonly nullable: boolean;
  /** Of ENUM and SET. */
  readonly members: readonly string[];
}

/** A table's columns by name. */
export type ColumnTypes = ReadonlyMap<string, ColumnType>;

const temporal = new Set(['time', 'datetime', 'timestamp']);
const aliases: Readonly<Record<string, string>> = {
  integer: 'int',
  numeric: 'decimal',
  dec: 'decimal',
  fixed: 'decimal',
  real: 'double',
};

/** Reads information_schema's COLUMN_TYPE: `datetime(3)`, `bigint(20) unsigned`, `enum('a','b,c')`. */
export function readColumnType(text: string, nullable: boolean): ColumnType {
  const name = /^[a-z0-9]+/i.exec(text)?.[0].toLowerCase() ?? '';
  const numbers = /^[a-z0-9 ]+\((\d+)(?:,(\d+))?\)/i.exec(text);
  return columnType({
    name,
    unsigned: /\bunsigned\b/i.test(text),
    length: Number(numbers?.[1] ?? 0),
    scale: Number(numbers?.[2] ?? 0),
    nullable,
    members: name === 'enum' || name === 'set' ? quotedMembers(text) : [],
  });
}

/** A column as Debezium's schema change messages describe it. */
export interface DescribedColumn {
  readonly name: string;
  /** `BIGINT UNSIGNED` */
  readonly typeName: string;
  readonly length: number | null;
  readonly scale: number | null;
  readonly optional: boolean;
  /** Each in quotes as in SQL: `'d''e'`. */
  readonly enumValues: readonly string[] | null;
}

export function describedType({ typeName, length, scale, optional, enumValues }: DescribedColumn): ColumnType {
  const [name = ''] = typeName.toLowerCase().split(' ');
  return columnType({
    name,
    unsigned: /\bunsigned\b/i.test(typeName),
    length: length ?? 0,
    scale: scale ?? 0,
    nullable: optional,
    members: (enumValues ?? []).flatMap(quotedMembers),
  });
}

/** The number in parentheses is the fraction's digits where the type is one of time, and 1 where it is left out of BIT. */
function columnType(read: ColumnType): ColumnType {
  const name = aliases[read.name] ?? read.name;
  if (temporal.has(name)) return { ...read, name, scale: read.length };
  if (name === 'bit') return { ...read, name, length: read.length || 1 };
  return { ...read, name };
}

function quotedMembers(text: string): string[] {
  return [...text.matchAll(/'((?:[^'\\]|''|\\.)*)'/gs)].map(([, member]) =>
    member!.replaceAll("''", "'").replace(/\\(.)/gs, '$1'),
  );
}
