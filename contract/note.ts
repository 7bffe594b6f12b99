/** What is remembered under a name, among the names of one scope: the text of a JSON object. */
export interface Note {
  readonly name: string;
  readonly value: string;
}

/**
 * What becomes of a note in the same atomic step as an append. `put`: it has this value from now on. `add`: so only when there is none.
 * `revise`: its members that `value` has are as there from now on, so only when there is a note and none of its members has another value than
 * in `from`; a member that one of the two lacks says nothing. `value` has all members of `from`. `remove`: there is none from now on.
 * A change whose condition does not hold does nothing.
 */
export type NoteChange =
  | { readonly kind: 'put' | 'add'; readonly scope: string; readonly name: string; readonly value: string }
  | {
      readonly kind: 'revise';
      readonly scope: string;
      readonly name: string;
      readonly from: string;
      readonly value: string;
    }
  | { readonly kind: 'remove'; readonly scope: string; readonly name: string };
