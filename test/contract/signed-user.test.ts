import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { signUser, verifySignedUser } from '../../contract/signed-user.ts';

const secret = 'a secret of the gateway';
const base64url = (text: string) => Buffer.from(text).toString('base64url');

describe('a signed user', () => {
  test('is verified by whoever has the secret', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (user) => verifySignedUser(signUser(user, secret), secret) === user),
    );
  });

  test('is refused when signed with another secret', () => {
    expect(verifySignedUser(signUser('alice', 'another secret'), secret)).toBeUndefined();
  });

  test('is refused when the user was exchanged', () => {
    const forged = signUser('alice', secret).replace(base64url('alice'), base64url('admin'));
    expect(forged).not.toBe(signUser('alice', secret));
    expect(verifySignedUser(forged, secret)).toBeUndefined();
  });

  test('is refused when truncated anywhere', () => {
    const signed = signUser('alice', secret);
    for (let length = 0; length < signed.length; length += 1) {
      expect(verifySignedUser(signed.slice(0, length), secret)).toBeUndefined();
    }
  });

  test('is refused when any character is changed', () => {
    const signed = signUser('alice', secret);
    for (let index = 0; index < signed.length; index += 1) {
      const changed = signed.slice(0, index) + (signed[index] === 'A' ? 'B' : 'A') + signed.slice(index + 1);
      expect(verifySignedUser(changed, secret)).toBeUndefined();
    }
  });

  test('never throws, whatever comes as header', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => verifySignedUser(text, secret) === undefined));
  });
});
