import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../environment.ts';
import { hasDebianTools, unpackedMariadb, unpackMariadb } from './debian-packages.ts';
import { dockerAnswers, startPrivateServer } from './private-server.ts';
import { findServerBinary, type ServerBinary } from './server-binary.ts';

/** The legacy database that was found or started, and how that came. */
export interface FoundDatabase {
  /** For the bridge: reads tables and binlog. */
  readonly bridgeUrl: string;
  /** For the legacy application: owns its database. */
  readonly applicationUrl: string;
  /** May do anything; absent when somebody else's server was given by URL. */
  readonly rootUrl?: string;
  /** `MariaDB 10.11.19, private, from Debian packages`. */
  readonly choice: string;
  /** Ends the server if this search started it. */
  stop(): Promise<void>;
}

/** Where and how a private server would run. */
export interface DatabaseWish {
  /** Debian's packages are unpacked here; shared by all that run from it. */
  readonly packages: string;
  /** The server's data. */
  readonly data: string;
  readonly port: number;
  readonly environment: Environment;
  /** Told before a step that takes long. */
  report(doing: string): void;
}

/**
 * Finds a MariaDB or MySQL: (1) the URL in LEGACY_DB_URL, (2) a server program of this machine, (3) Debian's packages, unpacked,
 * (4) Docker compose. (2) and (3) run privately. Throws with the line to type when none is to be had.
 */
export async function findDatabase(wish: DatabaseWish): Promise<FoundDatabase> {
  const { environment } = wish;
  const given = environment.LEGACY_DB_URL;
  if (given)
    return {
      bridgeUrl: given,
      applicationUrl: environment.LEGACY_APP_DB_URL ?? given,
      choice: 'LEGACY_DB_URL',
      stop: async () => {},
    };
  const local = findServerBinary();
  if (local) return startPrivately(local, 'this machine’s own program', wish);
  const unpacked = unpackedMariadb(resolve(wish.packages, 'mariadb'));
  if (unpacked) return startPrivately(unpacked, 'unpacked Debian packages', wish);
  if (await hasDebianTools()) {
    wish.report('fetching MariaDB’s Debian package (7 MB, unpacked below .data, nothing is installed)');
    return startPrivately(
      await unpackMariadb(resolve(wish.packages, 'mariadb')),
      'Debian packages, just unpacked',
      wish,
    );
  }
  if (await dockerAnswers()) return startByCompose(wish);
  throw new Error(howToGetOne());
}

async function startPrivately(binary: ServerBinary, from: string, wish: DatabaseWish): Promise<FoundDatabase> {
  const server = await startPrivateServer(binary, resolve(wish.data), wish.port);
  const name = `${binary.flavour === 'mariadb' ? 'MariaDB' : 'MySQL'} ${binary.version.split('-')[0]}`;
  return { ...server, choice: `${name}, ${from}${server.reused ? ', still running' : ''}` };
}

async function startByCompose({ report }: DatabaseWish): Promise<FoundDatabase> {
  report('starting the mariadb of docker-compose.yml');
  await promisify(execFile)('docker', ['compose', 'up', '-d', '--wait', 'mariadb']);
  const url = 'mysql://root:strangler@127.0.0.1:13306/legacy';
  const stop = async () => void (await promisify(execFile)('docker', ['compose', 'stop', 'mariadb']));
  return { bridgeUrl: url, applicationUrl: url, rootUrl: url, choice: 'Docker compose', stop };
}

function howToGetOne(): string {
  const line =
    process.platform === 'darwin'
      ? 'brew install mariadb'
      : 'sudo apt-get install --no-install-recommends mariadb-server-core';
  return [
    'Found no MariaDB or MySQL. Do one of these and start again:',
    `  ${line}`,
    '  docker compose up -d --wait mariadb && export LEGACY_DB_URL=mysql://root:strangler@127.0.0.1:13306/legacy',
    '  export LEGACY_DB_URL=mysql://USER:PASSWORD@HOST:3306/DATABASE   (a server of your own, binlog_format=ROW)',
  ].join('\n');
}
