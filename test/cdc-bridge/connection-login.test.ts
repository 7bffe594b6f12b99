import { createPrivateKey, createPublicKey, randomBytes, verify } from 'node:crypto';
import { expect, it } from 'vitest';
import { requirePlugin } from '../../cdc-bridge/source/binlog/connection/auth-plugins.ts';
import { ed25519Signature } from '../../cdc-bridge/source/binlog/connection/ed25519.ts';
import { encodeMysqlGtids } from '../../cdc-bridge/source/binlog/connection/gtid-encoding.ts';

/** What stands before the 32 bytes of a secret in its PKCS #8 form (RFC 8410). */
const secretPrefix = Buffer.from('302e020100300506032b657004220420', 'hex');

it('signs as RFC 8032 says where the password is as long as its secrets: the first two of its test vectors', () => {
  const vectors = [
    {
      secret: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      message: '',
      signature:
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    },
    {
      secret: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      message: '72',
      signature:
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    },
  ];
  for (const { secret, message, signature } of vectors) {
    const signed = ed25519Signature(Buffer.from(secret, 'hex'), Buffer.from(message, 'hex'));
    expect(signed.toString('hex')).toBe(signature);
  }
});

it('gives signatures that Node finds valid, for any such secret', () => {
  for (let round = 0; round < 20; round++) {
    const [secret, message] = [randomBytes(32), randomBytes(32)];
    const key = createPrivateKey({ key: Buffer.concat([secretPrefix, secret]), format: 'der', type: 'pkcs8' });
    const signature = ed25519Signature(secret, message);
    expect(verify(null, message, createPublicKey(key), signature), secret.toString('hex')).toBe(true);
  }
});

it('sends nothing as the proof of an empty password', () => {
  const secret = { password: Buffer.alloc(0), scramble: randomBytes(20), isPrivate: false };
  expect(requirePlugin('mysql_native_password').proof(secret)).toHaveLength(0);
  expect(requirePlugin('caching_sha2_password').proof(secret)).toHaveLength(0);
});

it('names the plugin that it does not know, and those that it does', () => {
  expect(() => requirePlugin('auth_gssapi_client')).toThrow(
    /auth_gssapi_client, expected one of mysql_native_password, caching_sha2_password, client_ed25519, mysql_clear_password/,
  );
});

it('gives the password in clear text to nobody on an open line', () => {
  const secret = { password: Buffer.from('s3cret'), scramble: randomBytes(20), isPrivate: false };
  expect(() => requirePlugin('mysql_clear_password').proof(secret)).toThrow(/set legacy.database.tls/);
  const asked = requirePlugin('caching_sha2_password').more!(Buffer.of(4), secret);
  expect(asked).toEqual(Buffer.of(2));
});

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const uuidHex = uuid.replaceAll('-', '');
const u64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes.toString('hex');
};

it('encodes a GTID set without tags as every MySQL reads it: intervals ascending, their ends exclusive', () => {
  expect(encodeMysqlGtids('').toString('hex')).toBe(u64(0));
  expect(encodeMysqlGtids(`${uuid.toUpperCase()}:7:1-3:4-5`).toString('hex')).toBe(
    u64(1) + uuidHex + u64(2) + u64(1) + u64(6) + u64(7) + u64(8),
  );
});

it('encodes tagged sources as MySQL 8.3 and later do: a mark, and a tag behind each UUID', () => {
  const encoded = encodeMysqlGtids(`${uuid}:1-5:orders_svc:2`).toString('hex');
  const tag = '14' + Buffer.from('orders_svc').toString('hex');
  expect(encoded).toBe(
    '0102000000000001' + uuidHex + '00' + u64(1) + u64(1) + u64(6) + uuidHex + tag + u64(1) + u64(2) + u64(3),
  );
});

it('refuses a set that is none', () => {
  for (const text of ['x', `${uuid}`.slice(1) + ':1', `${uuid}:1-`, `${uuid}:-1`, `${uuid}:a b!`])
    expect(() => encodeMysqlGtids(text), text).toThrow(/GTID set: found/);
});
