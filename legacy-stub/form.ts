/** A parsed urlencoded body or query: a repeated name has several values. */
export type Fields = Readonly<Record<string, unknown>>;

/** The field's text, trimmed; of a repeated one the last, as PHP takes it; '' when it is missing. */
export function field(fields: Fields | undefined, name: string): string {
  return fieldList(fields, name).at(-1)?.trim() ?? '';
}

/** All values of a field, such as PHP's `item_description[]`, in the order of the form. */
export function fieldList(fields: Fields | undefined, name: string): string[] {
  const value = fields?.[name];
  const values = Array.isArray(value) ? value : [value];
  return values.filter((each): each is string => typeof each === 'string');
}

/** PHP's `(int)`: the whole number that the text begins with, else 0. */
export function toInteger(text: string): number {
  const number = Number.parseInt(text, 10);
  return Number.isSafeInteger(number) ? number : 0;
}
