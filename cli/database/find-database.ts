import { execFile } from 'node:child_process';
import { join } from 'node:path';
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

/** Steps of the search that take long are reported before they begin. */
type Report = (doing: string) => void;

/**
 * Finds a MariaDB or MySQL: (1) the URL in LEGACY_DB_URL, (2) a server program of this machine, (3) Debian's packages unpacked below
 * `directory`, (4) Docker compose. (2) and (3) run privately, with their data below `directory`. Throws with the line to type when
 * none is to be had.
 */
export async function findDatabase(
  directory: string,
  port: number,
  environment: Environment,
  report: Report,
): Promise<FoundDatabase> {
  const given = environment.LEGACY_DB_URL;
  if (given)
    return {
      bridgeUrl: given,
      applicationUrl: environment.LEGACY_APP_DB_URL ?? given,
      choice: 'LEGACY_DB_URL',
      stop: async () => {},
    };
  const local = findServerBinary();
  if (local) return startPrivately(local, 'this machine’s own program', directory, port);
  const unpacked = unpackedMariadb(packages(directory));
  if (unpacked) return startPrivately(unpacked, 'unpacked Debian packages', directory, port);
  if (await hasDebianTools()) {
    report('fetching MariaDB’s Debian package (7 MB, unpacked below .data, nothing is installed)');
    return startPrivately(await unpackMariadb(packages(directory)), 'Debian packages, just unpacked', directory, port);
  }
  if (await dockerAnswers()) return startByCompose(report);
  throw new Error(howToGetOne());
}

const packages = (directory: string) => join(directory, 'packages', 'mariadb');

async function startPrivately(
  binary: ServerBinary,
  from: string,
  directory: string,
  port: number,
): Promise<FoundDatabase> {
  const server = await startPrivateServer(binary, join(directory, 'database'), port);
  const name = `${binary.flavour === 'mariadb' ? 'MariaDB' : 'MySQL'} ${binary.version.split('-')[0]}`;
  return { ...server, choice: `${name}, ${from}${server.reused ? ', still running' : ''}` };
}

async function startByCompose(report: Report): Promise<FoundDatabase> {
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
