import { z } from 'zod';
import { readWith } from '../../runtime/config-values.ts';
import { type Equivalence, equivalenceNames } from './equivalence.ts';
import { type PointerSelector, parsePointer, parseSelector, type Selector } from './selector.ts';

/** What two answers may differ in and still be the same, read from the key `compare`. */
export interface CompareRules {
  readonly ignore: readonly Selector[];
  readonly unordered: readonly PointerSelector[];
  readonly tolerance: readonly { readonly at: PointerSelector; readonly amount: number }[];
  readonly equivalent: readonly { readonly at: Selector; readonly as: Equivalence }[];
  /** Places whose values are never kept in examples. */
  readonly redact: readonly Selector[];
  /** Header fields compared beside the usual ones, lower case. */
  readonly headers: readonly string[];
}

const selector = readWith(parseSelector);
const pointer = readWith(parsePointer);
const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'expected the name of a header field, such as etag')
  .transform((name) => name.toLowerCase());

/** Value of the key `compare` of a capability or a route; everything is optional. */
export const compareSchema = z
  .strictObject({
    ignore: z.array(selector).default([]).meta({
      description:
        'Places that may differ: JSON Pointers (a segment * is any one), header.NAME, or line:/PATTERN/ for lines of a text.',
    }),
    unordered: z.array(pointer).default([]).meta({ description: 'JSON Pointers of arrays whose order says nothing.' }),
    tolerance: z
      .record(validKey(parsePointer), z.number().nonnegative())
      .default({})
      .meta({ description: 'By JSON Pointer: how far apart two numbers may be.' }),
    equivalent: z
      .record(validKey(parseSelector), z.enum(equivalenceNames))
      .default({})
      .meta({ description: 'By JSON Pointer or header.NAME: in which sense two values are the same.' }),
    redact: z
      .array(selector)
      .default([])
      .meta({ description: 'Places whose values are never kept: JSON Pointers, header.NAME, line:/PATTERN/.' }),
    headers: z
      .array(headerName)
      .default([])
      .meta({ description: 'Header fields to compare beside the usual ones, such as etag.' }),
  })
  .transform(
    ({ tolerance, equivalent, ...rules }): CompareRules => ({
      ...rules,
      tolerance: Object.entries(tolerance).map(([text, amount]) => ({ at: parsePointer(text), amount })),
      equivalent: Object.entries(equivalent).map(([text, as]) => ({ at: parseSelector(text), as })),
    }),
  )
  .meta({ description: 'What two answers may differ in and still be the same.' });

/** The rules of a route that declares none. */
export const noRules: CompareRules = compareSchema.parse({});

function validKey(parse: (text: string) => unknown) {
  return z.string().superRefine((text, context) => {
    try {
      parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });
}
