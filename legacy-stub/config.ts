import { resolve } from 'node:path';
import { z } from 'zod';

/** Where the application's database is. `database` is created when the server does not have it. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** What the application has to be told; everything else is in its database. */
export interface LegacyConfig {
  readonly database: DatabaseAddress;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Absolute path of the folder that uploaded documents are stored in. */
  readonly uploadDir: string;
}

/** Told before anything starts: every variable that is wrong, what was found and what was expected. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const databaseUrl = z
  .string('expected an address such as mysql://root:secret@127.0.0.1:3306/legacy, found nothing')
  .refine(isDatabaseUrl, 'expected an address such as mysql://root:secret@127.0.0.1:3306/legacy')
  .transform(parseDatabaseUrl)
  .meta({
    description: 'The MariaDB or MySQL of the application; the path names the database, `legacy` when there is none.',
  });

const listeningPort = z
  .string()
  .regex(/^\d{1,5}$/, 'expected a port from 0 to 65535')
  .transform(Number)
  .refine((number) => number <= 65_535, 'expected a port from 0 to 65535')
  .meta({ description: 'The port to listen at; 0 takes any free one.' });

const environment = z.object({
  LEGACY_DB_URL: databaseUrl,
  PORT: listeningPort.prefault('8000'),
  HOST: z.string().min(1).default('127.0.0.1').meta({ description: 'The address to listen at.' }),
  UPLOAD_DIR: z.string().min(1).default('.data/uploads').meta({ description: 'The folder for uploaded documents.' }),
});

/**
 * The configuration that `variables` (usually `process.env`) spell. Throws `ConfigurationError` naming all that is
 * wrong.
 */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): LegacyConfig {
  const parsed = environment.safeParse(variables);
  if (!parsed.success) {
    throw new ConfigurationError(
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'),
    );
  }
  const { LEGACY_DB_URL, PORT, HOST, UPLOAD_DIR } = parsed.data;
  return { database: LEGACY_DB_URL, host: HOST, port: PORT, uploadDir: resolve(UPLOAD_DIR) };
}

function isDatabaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname } = new URL(text);
  return /^(mysql|mariadb):$/.test(protocol) && hostname !== '' && /^\/?[\w$-]{0,64}$/.test(pathname);
}

function parseDatabaseUrl(text: string): DatabaseAddress {
  const { hostname, port, username, password, pathname } = new URL(text);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 3306 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname.replace(/^\//, '') || 'legacy',
  };
}
