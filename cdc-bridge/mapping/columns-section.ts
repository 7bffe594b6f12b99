import { z } from 'zod';

const columnNames = z.array(z.string());

/** What stands in place of a masked value when nothing else is declared. */
const defaultMask = '***';

const masks = z.union([
  columnNames.transform(
    (names): Record<string, string> => Object.fromEntries(names.map((name) => [name, defaultMask])),
  ),
  z.record(z.string(), z.string()),
]);

const encoding = z
  .string()
  .refine(isEncoding, 'expected a character encoding such as utf8, latin1, windows-1251 or shift_jis');

/** What is done with the columns of a table: what leaves the legacy database at all, and how bytes and JSON are read. */
export const columnsSection = z.strictObject({
  exclude: columnNames.default([]).meta({
    description: 'Columns that never leave the legacy database: not in events, not in the log, not in messages.',
  }),
  mask: masks.default({}).meta({
    description: `Columns whose values become a fixed text before anything is stored: a list of columns ("${defaultMask}"), or column → text. NULL stays NULL.`,
  }),
  hash: columnNames.default([]).meta({
    description:
      'Columns whose values become their HMAC-SHA-256 under legacy.database.hashKey before anything is stored: equal values have equal hashes. NULL stays NULL.',
  }),
  utf8: columnNames.default([]).meta({ description: 'Binary columns that hold text in UTF-8.' }),
  encoding: z.record(z.string(), encoding).default({}).meta({
    description:
      'Binary columns that hold text: column → its encoding. Bytes that are none park the change that needs them.',
  }),
  json: columnNames.default([]).meta({
    description:
      'Columns whose JSON is given as a value rather than as text. A number that JavaScript would alter stays text in it.',
  }),
  ignore: z.record(z.string(), z.string().min(1)).default({}).meta({
    description:
      'Columns that are left out on purpose: column → the reason. Coverage then does not count them as unmapped.',
  }),
});

export type ColumnsSection = z.infer<typeof columnsSection>;

function isEncoding(label: string): boolean {
  try {
    new TextDecoder(label);
    return true;
  } catch {
    return false;
  }
}
