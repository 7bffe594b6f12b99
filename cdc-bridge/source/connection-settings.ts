import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { BridgeError } from '../errors.ts';

/** What protects the connections to the legacy database, as configured; files are named, not read. */
export interface TlsConfig {
  /** PEM file of the authorities that may have signed the server's certificate; left out: those that Node trusts. */
  readonly ca?: string;
  /** PEM files of our own certificate and its key, where the account asks for one. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the server's certificate must have, where it is not the host of the URL. */
  readonly servername?: string;
  readonly verify: 'identity' | 'authority' | 'none';
}

/** The keys of `legacy.database` that say how to connect. */
export interface ConnectionConfig {
  readonly url: string;
  readonly passwordFile?: string;
  readonly tls?: TlsConfig;
}

/** How the bridge connects: what stays the same for as long as it runs. */
export interface ConnectionSettings {
  readonly host: string;
  readonly port: number;
  /** A Unix socket that stands in for host and port. */
  readonly socketPath?: string;
  readonly user: string;
  /** Of the URL; empty where it is in a file. */
  readonly password: string;
  readonly passwordFile?: string;
  readonly database: string;
  readonly tls?: TlsConfig;
  readonly connectTimeoutMs: number;
}

const connectTimeoutMs = 10_000;

/** Reads `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, with `?socket=/PATH` where the server is asked over a Unix socket. */
export function connectionSettings(config: ConnectionConfig | string): ConnectionSettings {
  const { url, passwordFile, tls } = typeof config === 'string' ? { url: config } : (config as ConnectionConfig);
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const socketPath = searchParams.get('socket') ?? undefined;
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 3306 : Number(port),
    ...(socketPath === undefined ? {} : { socketPath }),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    ...(passwordFile === undefined ? {} : { passwordFile }),
    database: decodeURIComponent(pathname.slice(1)),
    ...(tls === undefined ? {} : { tls }),
    connectTimeoutMs,
  };
}

/** What a connection proves itself with, as it is now: read anew for every one, so that it can be exchanged while the bridge runs. */
export interface Credentials {
  readonly password: string;
  readonly tls?: TlsMaterial;
}

/** The contents of the files of a TlsConfig, and the name to expect. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Absent for an address without a name of its own. */
  readonly servername?: string;
  readonly verify: TlsConfig['verify'];
}

/** Throws BridgeError `password-refused` or `legacy-tls` that names a file which cannot be read. */
export async function readCredentials(settings: ConnectionSettings): Promise<Credentials> {
  const { passwordFile, tls } = settings;
  const password = passwordFile === undefined ? settings.password : await readPassword(passwordFile);
  return tls ? { password, tls: await readTls(tls, settings.host) } : { password };
}

async function readPassword(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    throw new BridgeError('password-refused', `legacy.database.passwordFile: ${(cause as Error).message}`, { cause });
  }
}

async function readTls({ ca, cert, key, servername, verify }: TlsConfig, host: string): Promise<TlsMaterial> {
  const name = servername ?? (isIP(host) === 0 ? host : undefined);
  if (verify === 'identity' && name === undefined) throw noName(host);
  const [authorities, certificate, privateKey] = await Promise.all([readPem(ca), readPem(cert), readPem(key)]);
  return {
    verify,
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(privateKey === undefined ? {} : { key: privateKey }),
    ...(name === undefined ? {} : { servername: name }),
  };
}

function noName(host: string): BridgeError {
  const remedy = 'set servername to a name in the server’s certificate, or verify to authority';
  return new BridgeError('legacy-tls', `legacy.database.tls: ${host} is an address, not a name: ${remedy}`);
}

async function readPem(path: string | undefined): Promise<string | undefined> {
  try {
    return path === undefined ? undefined : await readFile(path, 'utf8');
  } catch (cause) {
    throw new BridgeError('legacy-tls', `legacy.database.tls: ${(cause as Error).message}`, { cause });
  }
}
