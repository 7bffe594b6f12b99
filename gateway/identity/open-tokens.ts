import { readFile } from 'node:fs/promises';
import type { TokenUserConfig } from './config.ts';
import { keyOfPem, keyOfSecret, keysOfSet } from './json-web-token.ts';
import { fixedKeys, type KeySource } from './key-source.ts';
import type { OpenedSource } from './opened-source.ts';
import { RemoteKeySet, type RemoteKeySetPorts } from './remote-key-set.ts';
import { TokenUsers } from './token-users.ts';

/** What opening them takes. */
type TokenSurroundings = Omit<RemoteKeySetPorts, 'onChange'>;

/** Opens a source of users that tokens name. Rejects when a file of keys cannot be read. */
export async function openTokens(
  config: TokenUserConfig,
  { dataDir, telemetry, now }: TokenSurroundings,
): Promise<OpenedSource> {
  const opened: { source?: TokenUsers } = {};
  const onChange = () => opened.source?.forgetAll();
  const keys = await openKeys(config.keys, { dataDir, telemetry, now, onChange });
  const source = new TokenUsers(config, { keys, telemetry, now });
  opened.source = source;
  return { source, trouble: () => keys.trouble, stop: () => keys.stop() };
}

async function openKeys(keys: TokenUserConfig['keys'], ports: RemoteKeySetPorts): Promise<KeySource> {
  switch (keys.kind) {
    case 'secret':
      return fixedKeys(keyOfSecret(keys.secret));
    case 'file':
      return fixedKeys(await readKeys(keys.path));
    case 'remote':
      return RemoteKeySet.start(keys.url, ports);
    default:
      return keys satisfies never;
  }
}

async function readKeys(path: string) {
  try {
    const text = await readFile(path, 'utf8');
    return text.trimStart().startsWith('{') ? keysOfSet(text) : keyOfPem(text);
  } catch (error) {
    throw new Error(`identity.user: ${path}: ${(error as Error).message}`, { cause: error });
  }
}
