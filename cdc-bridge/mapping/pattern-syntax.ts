import { z } from 'zod';
import { isDecimal } from './decimal.ts';

/** How a pattern is written: column → alternatives, with the matching of Amazon EventBridge. */
const exactNumber = z
  .number()
  .refine(
    (value) => !Number.isInteger(value) || Number.isSafeInteger(value),
    'expected this number in quotes: it is too large to be kept exactly',
  );
const literal = z.union([z.string(), exactNumber, z.boolean(), z.null()]);

const bound = z.union([exactNumber, z.string().refine(isDecimal, 'expected a number')]);
const comparison = z.enum(['=', '<', '<=', '>', '>=']);
const comparisons: ReadonlySet<unknown> = new Set(comparison.options);
const numeric = z
  .array(z.union([comparison, bound]))
  .refine(
    (parts) =>
      parts.length > 0 &&
      parts.length % 2 === 0 &&
      parts.every((part, index) => comparisons.has(part) === (index % 2 === 0)),
    'expected comparisons and numbers in turn, such as [">", 0] or [">=", 1, "<", 10]',
  )
  .meta({
    description:
      'Comparisons that must all hold. Values are compared exactly, digit by digit, also the text of a DECIMAL or a large BIGINT; a number beyond 2^53 is written in quotes.',
  });

const caseless = z.strictObject({ 'equals-ignore-case': z.string() });
const affix = z.union([z.string(), caseless]);
const wildcard = z
  .string()
  .refine((text) => !/\\(?![*\\])/.test(text), String.raw`expected \* or \\ after a backslash`)
  .meta({ description: String.raw`* stands for any text; \* for the sign itself.` });
const oneOrMore = <T extends z.ZodType>(one: T) => z.union([one, z.array(one).nonempty()]);

const anythingBut = z.union([
  oneOrMore(literal),
  z.strictObject({ prefix: oneOrMore(z.string()) }),
  z.strictObject({ suffix: oneOrMore(z.string()) }),
  z.strictObject({ 'equals-ignore-case': oneOrMore(z.string()) }),
  z.strictObject({ wildcard: oneOrMore(wildcard) }),
]);

const alternative = z
  .union([
    literal,
    z.strictObject({ prefix: affix }),
    z.strictObject({ suffix: affix }),
    caseless,
    z.strictObject({ wildcard }),
    z.strictObject({ 'anything-but': anythingBut }),
    z.strictObject({ numeric }),
    z.strictObject({ exists: z.boolean() }),
  ])
  .meta({
    description:
      'A literal value, {prefix: text}, {suffix: text}, {equals-ignore-case: text}, {wildcard: "a*z"}, {anything-but: [values]} (or {anything-but: {prefix: text}} and so on), {numeric: [">", 0]} or {exists: bool}; a column exists when it is not NULL.',
  });

export const alternatives = z.array(alternative).nonempty();

export const pattern = z.record(z.string(), alternatives).meta({
  description: 'Column → alternatives, as in EventBridge: every column named must match one of its alternatives.',
});

export type Literal = z.infer<typeof literal>;
export type AnythingBut = z.infer<typeof anythingBut>;
export type Alternative = z.infer<typeof alternative>;
export type Pattern = z.infer<typeof pattern>;
