/** A column as a test writes it into a table map: what it leaves out the map does not tell. */
export interface WrittenColumn {
  readonly type: number;
  readonly metadata?: readonly number[];
  readonly name?: string;
  readonly unsigned?: boolean;
  readonly collation?: number;
  readonly members?: readonly string[];
}

const numeric = new Set([1, 2, 3, 4, 5, 8, 9, 13, 246]);
const character = new Set([15, 249, 250, 251, 252, 253, 140, 141, 242]);

/** Which of the map's lists the column is in: STRING hides ENUM (247) and SET (248). */
const realType = ({ type, metadata }: WrittenColumn) =>
  type === 254 && (metadata?.[0] === 247 || metadata?.[0] === 248) ? metadata[0]! : type;
const isCharacter = (column: WrittenColumn) => character.has(realType(column)) || realType(column) === 254;

/** The length-encoded integer of the protocol. */
export function packed(value: number): Buffer {
  if (value < 251) return Buffer.of(value);
  const long = Buffer.alloc(value < 0x1_0000 ? 3 : 4);
  long[0] = value < 0x1_0000 ? 0xfc : 0xfd;
  long.writeUIntLE(value, 1, long.length - 1);
  return long;
}

const counted = (bytes: Buffer) => Buffer.concat([packed(bytes.length), bytes]);
const text = (value: string) => counted(Buffer.from(value));
const field = (kind: number, ...parts: Buffer[]) => Buffer.concat([Buffer.of(kind), counted(Buffer.concat(parts))]);

/** The body of a table map event as MySQL writes it with binlog_row_metadata=FULL. */
export function tableMapBody(columns: readonly WrittenColumn[], table = 't', schema = 'shop'): Buffer {
  const zeroed = (name: string) => Buffer.concat([text(name), Buffer.of(0)]);
  const optional: Buffer[] = [];
  const numbers = columns.filter((column) => numeric.has(realType(column)));
  if (numbers.length > 0) {
    const bits = Buffer.alloc((numbers.length + 7) >> 3);
    numbers.forEach(({ unsigned }, index) => {
      if (unsigned) bits[index >> 3]! |= 0x80 >> (index & 7);
    });
    optional.push(field(1, bits));
  }
  const texts = columns.filter(isCharacter);
  if (texts.length > 0) optional.push(field(3, ...texts.map(({ collation = 63 }) => packed(collation))));
  optional.push(field(4, ...columns.map(({ name }, index) => text(name ?? `c${index}`))));
  for (const [kind, type] of [
    [5, 248],
    [6, 247],
  ] as const) {
    const listed = columns.filter((column) => realType(column) === type);
    const lists = listed.map(({ members = [] }) => Buffer.concat([packed(members.length), ...members.map(text)]));
    if (listed.length > 0) optional.push(field(kind, ...lists));
  }
  const membered = columns.filter((column) => realType(column) === 247 || realType(column) === 248);
  if (membered.length > 0) optional.push(field(10, packed(45)));
  return Buffer.concat([
    Buffer.from([7, 0, 0, 0, 0, 0, 1, 0]),
    zeroed(schema),
    zeroed(table),
    packed(columns.length),
    Buffer.from(columns.map(({ type }) => type)),
    counted(Buffer.from(columns.flatMap(({ metadata = [] }) => [...metadata]))),
    Buffer.alloc((columns.length + 7) >> 3, 0xff),
    ...optional,
  ]);
}

/** The body of an insert, version 1, of rows whose values are given as bytes, null for NULL; all columns present. */
export function insertBody(rows: readonly (readonly (Buffer | null)[])[]): Buffer {
  const count = rows[0]!.length;
  const images = rows.map((values) => {
    const nulls = Buffer.alloc((count + 7) >> 3);
    values.forEach((value, index) => {
      if (value === null) nulls[index >> 3]! |= 1 << (index & 7);
    });
    return Buffer.concat([nulls, ...values.filter((value) => value !== null)]);
  });
  const present = Buffer.alloc((count + 7) >> 3, 0xff);
  return Buffer.concat([Buffer.from([7, 0, 0, 0, 0, 0, 1, 0]), packed(count), present, ...images]);
}
