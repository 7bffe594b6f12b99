import fc from 'fast-check';
import { v5 } from 'uuid';
import { expect, it } from 'vitest';
import { derivedId } from '../../contract/event-id.ts';

it('derives the version 5 UUID of its length-prefixed parts, whatever they are', () => {
  const part = fc.oneof(fc.string({ unit: 'binary', maxLength: 1_500 }), fc.integer());
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const name = parts.map((one) => `${String(one).length}:${one}`).join('|');
      expect(derivedId(...parts)).toBe(v5(name, '5f6c1f0e-3a54-5d0b-9d5e-8a3a1c9be7d1'));
    }),
  );
});
