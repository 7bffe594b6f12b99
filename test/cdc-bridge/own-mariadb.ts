import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { unpackDebianPackages, unpackedMariadb, unpackMariadb } from '../../cli/database/debian-packages.ts';
import { startPrivateServer } from '../../cli/database/private-server.ts';
import { findServerBinary, type ServerBinary } from '../../cli/database/server-binary.ts';
import { freePort } from '../free-port.ts';
import { type RealPart, RealPartUnavailable } from '../real-parts/real-part.ts';

/** A MariaDB of a suite's own, for what the shared one cannot have: other settings, or to be stopped and hung. */
export interface OwnMariadb extends RealPart {
  readonly rootUrl: string;
  readonly pid: number;
  /** Its data, binlog files among them. */
  readonly data: string;
  /** Ends it as a power cut does, and starts it on what is on the disk: same port, same accounts. */
  crash(): Promise<void>;
}

/** Starts one with these options, which may name plugins of Debian's package mariadb-server. Throws RealPartUnavailable. */
export async function startMariadb(options: readonly string[] = []): Promise<OwnMariadb> {
  const binary = await bringServer();
  const plugins = await bringPlugins();
  const home = mkdtempSync(join(tmpdir(), 'mariadb-'));
  try {
    const wrapped = withOptions(binary, home, [`--plugin-dir=${plugins}`, ...options]);
    const port = await freePort();
    let server = await startPrivateServer(wrapped, home, port);
    return {
      version: binary.version,
      rootUrl: server.rootUrl,
      get pid() {
        return server.pid;
      },
      data: join(home, 'data'),
      async crash() {
        process.kill(server.pid, 'SIGKILL');
        await server.stop();
        server = await startPrivateServer(wrapped, home, port);
      },
      async stop() {
        await server.stop();
        rmSync(home, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}

const packages = '.data/packages';

async function bringServer(): Promise<ServerBinary> {
  const local = findServerBinary();
  if (local?.flavour === 'mariadb') return local;
  const directory = resolve(packages, 'mariadb');
  return unpackedMariadb(directory) ?? unavailable(unpackMariadb(directory));
}

async function bringPlugins(): Promise<string> {
  const directory = resolve(packages, 'mariadb-plugins');
  if (!existsSync(directory))
    await unavailable(unpackDebianPackages(['mariadb-server'], directory, (name) => name === 'mariadb-server'));
  return join(directory, 'usr', 'lib', 'mysql', 'plugin');
}

async function unavailable<T>(bringing: Promise<T>): Promise<T> {
  try {
    return await bringing;
  } catch (error) {
    throw new RealPartUnavailable(`apt could not bring it: ${(error as Error).message}`);
  }
}

/** The program behind a script that adds options: what starts private servers takes a program, no options. */
function withOptions(binary: ServerBinary, home: string, options: readonly string[]): ServerBinary {
  const path = join(home, 'mariadbd');
  const quoted = [binary.path, '"$@"', ...options.map((option) => `'${option}'`)];
  writeFileSync(path, `#!/bin/sh\nexec ${quoted.join(' ')}\n`);
  chmodSync(path, 0o700);
  return { ...binary, path };
}
