import { type Cell, Unreadable } from '../../../../mapping/row-change.ts';

/** The member of an ENUM by its number from 1; 0 is what a value that is no member was stored as. */
export function enumMember(members: readonly string[], index: number): Cell {
  return index === 0 ? '' : (members[index - 1] ?? new Unreadable(`member ${index} of an ENUM of ${members.length}`));
}

/** The members of a SET, joined as SELECT shows them; one bit each, the low byte first. */
export function setMembers(members: readonly string[], bytes: Uint8Array, from: number, to: number): Cell {
  const chosen: string[] = [];
  for (let bit = 0; bit < (to - from) * 8; bit += 1) {
    if ((bytes[from + (bit >> 3)]! & (1 << (bit & 7))) === 0) continue;
    const member = members[bit];
    if (member === undefined) return new Unreadable(`member ${bit + 1} of a SET of ${members.length}`);
    chosen.push(member);
  }
  return chosen.join(',');
}
