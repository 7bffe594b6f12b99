import { constants, createHash, publicEncrypt } from 'node:crypto';
import { BridgeError } from '../../../errors.ts';
import { ed25519Signature } from './ed25519.ts';
import { malformed } from './packet-reader.ts';

/** What a plugin proves the password with. */
export interface Secret {
  readonly password: Buffer;
  /** 20 bytes of the server's; 32 for client_ed25519. */
  readonly scramble: Buffer;
  /** Whether nobody on the way can read what is sent: TLS or a Unix socket. */
  readonly isPrivate: boolean;
}

/** A way to prove a password. `more` answers what the server asks after that; undefined when there is nothing to answer. */
export interface AuthPlugin {
  proof(secret: Secret): Buffer;
  more?(data: Buffer, secret: Secret): Buffer | undefined;
}

/** SHA1(password) XOR SHA1(scramble + SHA1(SHA1(password))). */
const native: AuthPlugin = {
  proof({ password, scramble }) {
    if (password.length === 0) return Buffer.alloc(0);
    const once = digest('sha1', password);
    return xor(once, digest('sha1', scramble, digest('sha1', once)));
  },
};

const fastSuccess = 3;
const fullNeeded = 4;
const publicKeyRequest = Buffer.of(2);

/** SHA256(password) XOR SHA256(SHA256(SHA256(password)) + scramble); where the server has not cached that, the password itself, protected. */
const cachingSha2: AuthPlugin = {
  proof({ password, scramble }) {
    if (password.length === 0) return Buffer.alloc(0);
    const once = digest('sha256', password);
    return xor(once, digest('sha256', digest('sha256', once), scramble));
  },
  more(data, secret) {
    if (data.length === 1 && data[0] === fastSuccess) return undefined;
    if (data.length === 1 && data[0] === fullNeeded)
      return secret.isPrivate ? withZero(secret.password) : publicKeyRequest;
    return encryptedFor(data, secret);
  },
};

/** The password as it is, for what the server hands on (PAM, LDAP, tokens of a cloud); never where others can read it. */
const clear: AuthPlugin = {
  proof({ password, isPrivate }) {
    if (isPrivate) return withZero(password);
    throw new BridgeError(
      'legacy-tls',
      'the server asks for the password in clear text (mysql_clear_password): set legacy.database.tls',
    );
  },
};

const plugins: ReadonlyMap<string, AuthPlugin> = new Map([
  ['mysql_native_password', native],
  ['caching_sha2_password', cachingSha2],
  ['client_ed25519', { proof: ({ password, scramble }: Secret) => ed25519Signature(password, scramble) }],
  ['mysql_clear_password', clear],
]);

/** The plugin of that name, if it is known here. */
export function findPlugin(name: string): AuthPlugin | undefined {
  return plugins.get(name);
}

/** The plugin that the server insists on for this account. Throws BridgeError `legacy-refused` that names it and those that are known. */
export function requirePlugin(name: string): AuthPlugin {
  const plugin = findPlugin(name);
  if (plugin) return plugin;
  const known = [...plugins.keys()].join(', ');
  throw new BridgeError('legacy-refused', `the account proves itself by plugin ${name}, expected one of ${known}`);
}

/** RSA with OAEP over the password, zero at its end, XORed with the scramble. */
function encryptedFor(publicKey: Buffer, { password, scramble }: Secret): Buffer {
  const masked = withZero(password).map((byte, index) => byte ^ scramble[index % scramble.length]!);
  try {
    return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, masked);
  } catch (error) {
    throw malformed(`found a public key that is none: ${(error as Error).message}`);
  }
}

function withZero(password: Buffer): Buffer {
  return Buffer.concat([password, Buffer.of(0)]);
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ right[index]!));
}

function digest(algorithm: 'sha1' | 'sha256', ...parts: readonly Buffer[]): Buffer {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest();
}
