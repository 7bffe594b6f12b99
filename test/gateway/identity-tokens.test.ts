import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Identity } from '../../gateway/identity/identity.ts';
import type { Reception } from '../../gateway/identity/reception.ts';
import { until } from '../until.ts';
import { headOf, type IdentitySurroundings, openIdentity, receiveAtOnce } from './open-identity.ts';

const issuer = 'https://login.example';
const startMs = Date.parse('2024-05-01T12:00:00Z');
const minuteMs = 60_000;

interface Signer {
  readonly kid: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}
const newSigner = (kid: string): Signer => ({ kid, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) });
const first = newSigner('first');
const second = newSigner('second');

let now: number;
let dir: string;
let cleanups: (() => Promise<unknown>)[];

beforeEach(async () => {
  now = startMs;
  dir = await mkdtemp(join(tmpdir(), 'identity-'));
  cleanups = [() => rm(dir, { recursive: true, force: true })];
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

/** A token of an hour by this issuer for this shop, but for what is said. */
function tokenOf(claims: JWTPayload, signer = first, header: object = {}): Promise<string> {
  const seconds = startMs / 1000;
  return new SignJWT({ iss: issuer, aud: 'shop', exp: seconds + 3600, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: signer.kid, ...header })
    .sign(signer.privateKey);
}

async function open(source: object, more: IdentitySurroundings = {}): Promise<Identity> {
  const user = [{ jwt: 'sub', algorithms: ['RS256'], issuer, audience: 'shop', ...source }, { cookie: 'user' }];
  const identity = await openIdentity({ user }, { dataDir: dir, now: () => now, ...more });
  cleanups.push(identity.stop);
  return identity;
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const receive = async (identity: Identity, fields: Record<string, string>): Promise<Reception> =>
  identity.receive(headOf(fields));
const because = async (identity: Identity, token: string) =>
  (await receive(identity, bearer(token))).recognition.because;

/** A file with the issuer's public keys. */
async function keyFile(...signers: Signer[]): Promise<string> {
  const path = join(dir, 'keys.json');
  await writeFile(path, await keySetOf(...signers));
  return path;
}

async function keySetOf(...signers: Signer[]): Promise<string> {
  const keys = await Promise.all(
    signers.map(async ({ kid, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' })),
  );
  return JSON.stringify({ keys });
}

describe('a token', () => {
  it('names its user, and from then on without waiting', async () => {
    const identity = await open({ keys: await keyFile(first) });
    const fields = bearer(await tokenOf({ sub: 'alice' }));
    const received = identity.receive(headOf(fields));
    expect(received).toBeInstanceOf(Promise);
    expect((await received).recognition).toEqual({ user: 'alice', because: 'jwt sub' });
    expect(receiveAtOnce(identity, fields).user).toBe('alice');
    expect(receiveAtOnce(identity, { AUTHORIZATION: fields.Authorization.replace('Bearer', 'bEARER') }).user).toBe(
      'alice',
    );
  });

  it('is nobody’s again the moment it expires, leeway included', async () => {
    const identity = await open({ keys: await keyFile(first), leeway: '30s' });
    const token = await tokenOf({ sub: 'alice', exp: startMs / 1000 + 60 });
    expect((await receive(identity, bearer(token))).user).toBe('alice');
    now += minuteMs + 29_000;
    expect((await receive(identity, bearer(token))).user).toBe('alice');
    now += 2_000;
    expect((await receive(identity, bearer(token))).user).toBeUndefined();
    expect(receiveAtOnce(identity, bearer(token)).recognition.because).toMatch(/^jwt sub: .*exp/);
  });

  it('may stand in a cookie, and Authorization beats it', async () => {
    const identity = await open({ keys: await keyFile(first), cookie: 'token' });
    const [alice, bob] = [await tokenOf({ sub: 'alice' }), await tokenOf({ sub: 'bob' })];
    expect((await receive(identity, { Cookie: `a=1; token=${alice}` })).user).toBe('alice');
    expect((await receive(identity, { Cookie: `token=${alice}`, ...bearer(bob) })).user).toBe('bob');
    expect((await receive(identity, { Cookie: `token=${alice}`, Authorization: 'Basic YTpi' })).user).toBe('alice');
  });

  it('that names nobody leaves it to the next source, and explain tells why', async () => {
    const identity = await open({ keys: await keyFile(first) });
    const reception = await receive(identity, { ...bearer('rubbish'), Cookie: 'user=bob' });
    expect(reception.user).toBe('bob');
    expect(reception.recognition.because).toMatch(/^jwt sub: .*; cookie user$/);
  });

  it('may name its user by any claim, also a nested one or a number', async () => {
    const claims = { 'https://shop.example/id': 7, account: { 'a/b': 'carol' }, empty: '', list: ['x'] };
    const fields = bearer(await tokenOf(claims));
    const userBy = async (jwt: string) => (await receive(await open({ jwt, keys: await keyFile(first) }), fields)).user;
    expect(await Promise.all(['https://shop.example/id', '/account/a~1b'].map(userBy))).toEqual(['7', 'carol']);
    expect(await Promise.all(['empty', 'list', 'sub', '/account', '__proto__', 'toString'].map(userBy))).toEqual(
      Array(6).fill(undefined),
    );
  });

  it('is verified by a PEM key, or a secret shared with the issuer', async () => {
    const pem = join(dir, 'key.pem');
    await writeFile(pem, first.publicKey.export({ type: 'spki', format: 'pem' }));
    expect((await receive(await open({ keys: pem }), bearer(await tokenOf({ sub: 'alice' })))).user).toBe('alice');
    const shared = 'a secret of at least thirty-two characters';
    const token = await new SignJWT({ sub: 'bob', iss: issuer, aud: 'shop', exp: startMs / 1000 + 60 })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(shared));
    expect((await receive(await open({ secret: shared, algorithms: ['HS256'] }), bearer(token))).user).toBe('bob');
  });
});

describe('a token that must not be believed', () => {
  it.each<[string, JWTPayload, RegExp]>([
    ['has expired', { exp: startMs / 1000 - 31 }, /exp/],
    ['never expires', { exp: undefined as never }, /exp/],
    ['is not valid yet', { nbf: startMs / 1000 + 31 }, /nbf/],
    ['is another issuer’s', { iss: 'https://evil.example' }, /iss/],
    ['is for another audience', { aud: 'bank' }, /aud/],
    ['has no audience', { aud: undefined as never }, /aud/],
    ['names an endless user', { sub: 'x'.repeat(257) }, /257 characters/],
  ])('because it %s is nobody’s', async (_, claims, reason) => {
    const identity = await open({ keys: await keyFile(first) });
    expect(await because(identity, await tokenOf({ sub: 'alice', ...claims }))).toMatch(reason);
  });

  it('because nobody or somebody else has signed it is nobody’s', async () => {
    const identity = await open({ keys: await keyFile(first) });
    const claims = { sub: 'alice', iss: issuer, aud: 'shop', exp: startMs / 1000 + 60 };
    const unsigned = new UnsecuredJWT(claims).encode();
    const foreign = await tokenOf(claims, { ...second, kid: 'first' });
    const [head, body, signature] = (await tokenOf(claims)).split('.');
    const exchanged = [head, Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url'), signature];
    for (const token of [unsigned, foreign, exchanged.join('.'), `${head}.${body}.`, `${head}.${body}`]) {
      expect((await receive(identity, bearer(token))).user).toBeUndefined();
    }
  });

  it('because a public key was used as its secret is nobody’s', async () => {
    const pem = first.publicKey.export({ type: 'spki', format: 'pem' });
    const identity = await open({ keys: await keyFile(first) });
    const token = await new SignJWT({ sub: 'root', iss: issuer, aud: 'shop', exp: startMs / 1000 + 60 })
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .sign(Buffer.from(pem));
    expect(await because(identity, token)).toMatch(/alg/);
  });

  it('because its algorithm is not listed is nobody’s, though its key is known', async () => {
    const identity = await open({ keys: await keyFile(first), algorithms: ['ES256', 'PS256'] });
    expect(await because(identity, await tokenOf({ sub: 'alice' }))).toMatch(/alg/);
  });

  it('because it brings a key of its own, or asks for what nobody understands, is nobody’s', async () => {
    const identity = await open({ keys: await keyFile(first) });
    const jwk = await exportJWK(second.publicKey);
    for (const header of [{ jwk }, { kid: '../first' }, { crit: ['exp'], exp: 1 }]) {
      const token = await tokenOf({ sub: 'alice' }, second, header).catch(() => `e30.e30.${'A'.repeat(342)}`);
      expect((await receive(identity, bearer(token))).user).toBeUndefined();
    }
  });

  it('because it is no token is nobody’s, however large', async () => {
    const identity = await open({ keys: await keyFile(first) });
    const rubbish = [
      '',
      '.',
      '..',
      '...',
      'e30.e30.e30',
      'null.null.null',
      '__proto__',
      '%',
      'ä'.repeat(50),
      'x'.repeat(8_000),
    ];
    for (const token of rubbish) expect((await receive(identity, bearer(token))).user).toBeUndefined();
    expect(receiveAtOnce(identity, bearer('x'.repeat(100 * 1024))).recognition.because).toMatch(/102400 characters/);
  });
});

/** An issuer that publishes its keys. */
async function startIssuer(signers: readonly Signer[]) {
  const said = { signers, status: 200, body: undefined as string | undefined, asked: 0 };
  const server = http.createServer(async (_, response) => {
    said.asked += 1;
    response.writeHead(said.status).end(said.body ?? (await keySetOf(...said.signers)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  cleanups.push(stop);
  return Object.assign(said, { jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`, stop });
}

describe('an issuer’s key set', () => {
  it('is asked for when a token has a key that it lacks, but not for each such token', async () => {
    const issuerOf = await startIssuer([first]);
    const identity = await open({ jwks: issuerOf.jwks });
    expect((await receive(identity, bearer(await tokenOf({ sub: 'alice' })))).user).toBe('alice');
    issuerOf.signers = [second];
    const token = await tokenOf({ sub: 'bob' }, second);
    expect((await receive(identity, bearer(token))).user).toBeUndefined();
    expect(issuerOf.asked).toBe(1);
    now += 31_000;
    expect((await receive(identity, bearer(token))).user).toBe('bob');
    expect(issuerOf.asked).toBe(2);
    for (let index = 0; index < 20; index += 1) {
      await receive(identity, bearer(await tokenOf({ sub: `${index}` }, { ...second, kid: `unknown-${index}` })));
    }
    expect(issuerOf.asked).toBe(2);
  });

  it('without a key that it had makes the tokens of that key nobody’s at once', async () => {
    const issuerOf = await startIssuer([first, second]);
    const identity = await open({ jwks: issuerOf.jwks });
    const stolen = bearer(await tokenOf({ sub: 'alice' }));
    expect((await receive(identity, stolen)).user).toBe('alice');
    issuerOf.signers = [second];
    now += 31_000;
    await receive(identity, bearer(await tokenOf({ sub: 'bob' }, { ...second, kid: 'third' })));
    expect((await receive(identity, stolen)).user).toBeUndefined();
  });

  it('that cannot be had is told, tokens are nobody’s, and the last good copy counts after a restart', async () => {
    const issuerOf = await startIssuer([first]);
    const before = await open({ jwks: issuerOf.jwks });
    const fields = bearer(await tokenOf({ sub: 'alice' }));
    expect((await receive(before, fields)).user).toBe('alice');
    expect(before.troubles()).toEqual([]);
    await before.stop();
    expect(await readdir(dir)).toEqual([expect.stringMatching(/^key-set-[0-9a-f]{16}\.json$/)]);
    await issuerOf.stop();

    const after = await open({ jwks: issuerOf.jwks });
    expect((await receive(after, fields)).user).toBe('alice');
    const [trouble] = await until(() => after.troubles().length > 0 && after.troubles());
    expect(trouble).toEqual({
      since: '2024-05-01T12:00:00.000Z',
      detail: expect.stringMatching(/ECONNREFUSED.*last good copy counts/),
    });

    const elsewhere = await mkdtemp(join(dir, 'empty-'));
    const never = await open({ jwks: issuerOf.jwks }, { dataDir: elsewhere });
    expect((await receive(never, fields)).recognition.because).toBe('jwt sub: no keys are known yet');
    await until(() => never.troubles()[0]?.detail.includes('no token can be verified'));
  });

  it.each([
    ['is an error', { status: 503 }, /found status 503/],
    ['is no JSON', { body: '<html>' }, /JSON/],
    ['is no key set', { body: '{"keys": 1}' }, /expected a key set/],
    ['is endless', { body: `"${'x'.repeat(1024 * 1024)}"` }, /more than 1048576 bytes/],
  ])('that %s changes nothing', async (_, answer, reason) => {
    const issuerOf = Object.assign(await startIssuer([first]), answer);
    const identity = await open({ jwks: issuerOf.jwks });
    const [trouble] = await until(() => identity.troubles().length > 0 && identity.troubles());
    expect(trouble!.detail).toMatch(reason);
    expect((await receive(identity, bearer(await tokenOf({ sub: 'alice' })))).user).toBeUndefined();
  });
});

describe('a file of keys', () => {
  it.each([
    ['nothing', 'missing.pem', undefined, /ENOENT/],
    ['a private key', 'private.pem', () => first.privateKey.export({ type: 'pkcs8', format: 'pem' }), /private key/],
    ['rubbish', 'rubbish.json', () => '{"a": 1}', /rubbish\.json: found JSON without keys/],
  ])('with %s in it stops the start', async (_, name, content, reason) => {
    const path = join(dir, name);
    if (content) await writeFile(path, content());
    await expect(open({ keys: path })).rejects.toThrow(reason);
  });
});

describe('what is configured for tokens', () => {
  it.each<[string, object, RegExp]>([
    ['no keys', { algorithms: ['RS256'] }, /found 0 of jwks, keys and secret, expected one/],
    ['two kinds of keys', { algorithms: ['RS256'], keys: 'a', jwks: 'https://a' }, /found 2 of/],
    ['no algorithms', { keys: 'a', algorithms: [] }, /algorithms/],
    ['the algorithm none', { keys: 'a', algorithms: ['none'] }, /algorithms/],
    ['a public key as a secret', { keys: 'a', algorithms: ['RS256', 'HS256'] }, /found HS256/],
    ['a secret as a public key', { secret: 'x'.repeat(32), algorithms: ['RS256'] }, /found RS256/],
    ['a short secret', { secret: 'x'.repeat(31), algorithms: ['HS256'] }, /32/],
  ])('is refused with %s', async (_, source, reason) => {
    await expect(openIdentity({ user: [{ jwt: 'sub', ...source }] })).rejects.toThrow(reason);
  });
});
