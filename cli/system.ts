import { join } from 'node:path';
import { parseLogUrl } from '../event-log/log-url.ts';
import { type LoadedConfiguration, loadConfiguration } from './config/load.ts';
import { dataDirectory, prepareDataDirectory, secretFile } from './data-directory.ts';
import { type Environment, readEnvironment } from './environment.ts';

/** A checked configuration with what this machine adds to it: where data is kept, the secrets made here, the addresses of the parts. */
export interface System extends LoadedConfiguration {
  readonly environment: Environment;
  /** Absolute. */
  readonly dataDir: string;
  /** `sqlite:/absolute/path` */
  readonly logUrl: string;
  readonly adminToken: string;
  /** They sign cookies and the user that services are told: the first signs, all verify. */
  readonly secrets: readonly [string, ...string[]];
  readonly addresses: {
    readonly public: string;
    readonly admin: string;
    readonly bridge?: string;
    readonly services?: string;
  };
}

/** Reads and checks a configuration and prepares its data directory. Throws ConfigError with every problem. */
export function openSystem(configPath: string): System {
  const environment = readEnvironment();
  return systemOf(loadConfiguration(configPath, environment), environment);
}

/** What this machine adds to a checked configuration; prepares its data directory. */
export function systemOf(loaded: LoadedConfiguration, environment: Environment): System {
  const { listeners, identity, legacy, services, log } = loaded.configuration;
  const dataDir = dataDirectory(loaded.path);
  prepareDataDirectory(dataDir);
  const at = ({ host = '127.0.0.1', port }: { host?: string; port: number }, scheme = 'http') =>
    `${scheme}://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`;
  return {
    ...loaded,
    environment,
    dataDir,
    logUrl: `sqlite:${log === undefined ? join(dataDir, 'log.db') : parseLogUrl(log).path}`,
    adminToken: listeners.admin.token ?? secretFile(dataDir, 'admin-token'),
    secrets: identity.secret ?? [secretFile(dataDir, 'secret')],
    addresses: {
      public: at(listeners.public, listeners.public.tls ? 'https' : 'http'),
      admin: at(listeners.admin),
      bridge: legacy.database ? at(listeners.bridge) : undefined,
      services: services ? at(services) : undefined,
    },
  };
}
