/** Behind table id and flags of a table map: length of the schema's name u8 · name, 0 · length of the table's name u8 · name, 0. */
const schemaLengthAt = 8;

/** Whether a table map (without its header) is of a table of this schema. Optimization: compares bytes, since most events may be others'. */
export function isOfSchema(body: Buffer, schema: Buffer): boolean {
  const from = schemaLengthAt + 1;
  const length = body[schemaLengthAt];
  return length === schema.length && body.compare(schema, 0, length, from, Math.min(from + length, body.length)) === 0;
}

/** The table's own name. */
export function tableNameOf(body: Buffer): string {
  const lengthAt = schemaLengthAt + body.readUInt8(schemaLengthAt) + 2;
  return body.toString('utf8', lengthAt + 1, lengthAt + 1 + body.readUInt8(lengthAt));
}
