/** How both drivers connect: every value as exact text, instants in UTC. */
export interface ConnectionSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly dateStrings: true;
  readonly jsonStrings: true;
  readonly supportBigNumbers: true;
  readonly timezone: 'Z';
  readonly charset: 'utf8mb4';
  readonly connectTimeout: number;
}

const connectTimeoutMs = 10_000;

/** Reads `mysql://USER:PASSWORD@HOST:PORT/DATABASE`. */
export function connectionSettings(url: string): ConnectionSettings {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 3306 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    dateStrings: true,
    jsonStrings: true,
    supportBigNumbers: true,
    timezone: 'Z',
    charset: 'utf8mb4',
    connectTimeout: connectTimeoutMs,
  };
}
