import { resolve } from 'node:path';

/** Where a log is kept. */
export interface LogUrl {
  readonly store: 'sqlite';
  /** Absolute path of the database file. */
  readonly path: string;
}

/**
 * Reads `sqlite:.data/log.db`; a relative path is taken from the working directory.
 * Throws a RangeError that says what was found (never more than the scheme, since a URL may hold a password) and what exists.
 */
export function parseLogUrl(text: string): LogUrl {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):(.*)$/i.exec(text) ?? [];
  if (scheme !== 'sqlite') {
    const found = scheme === undefined ? 'no scheme' : `scheme ${JSON.stringify(scheme)}`;
    throw new RangeError(
      `log: found ${found}, expected sqlite:PATH such as sqlite:.data/log.db, the one store there is`,
    );
  }
  if (!rest)
    throw new RangeError('log: found sqlite: without a path, expected sqlite:PATH such as sqlite:.data/log.db');
  return { store: 'sqlite', path: resolve(rest) };
}
