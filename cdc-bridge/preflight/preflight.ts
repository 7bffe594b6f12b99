import type { BridgeConfig } from '../config.ts';

import { BridgeError, bridgeErrors } from '../errors.ts';
import { checkTables as checkMapping } from '../mapping/check-tables.ts';
import { mappedTables } from '../mapping/table-mapping.ts';
import { connectionSettings } from '../source/connection-settings.ts';
import { LegacyDatabase } from '../source/legacy-database.ts';
import { checkGrants } from './grants.ts';
import type { PreflightProblem } from './problem.ts';
import { checkServer } from './server-settings.ts';
import { checkTables } from './tables.ts';

/** All problems of the legacy database at once, errors first; also what `strangler doctor` prints. Never throws for a database that is away. */
export async function preflight(config: Pick<BridgeConfig, 'database' | 'tables'>): Promise<PreflightProblem[]> {
  let database: LegacyDatabase | undefined;
  try {
    database = await LegacyDatabase.connect(connectionSettings(config.database));
    return await inspect(database, config);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    return [
      { severity: 'error', code: error.code, message: error.message, fix: [`-- ${bridgeErrors[error.code].remedy}`] },
    ];
  } finally {
    await database?.close();
  }
}

/** The same over a connection that is there. */
export async function inspect(
  database: LegacyDatabase,
  config: Pick<BridgeConfig, 'database' | 'tables'>,
): Promise<PreflightProblem[]> {
  const mapping = checkMapping(config.tables, config.database.hashKey).map(
    ({ path, message }): PreflightProblem => ({
      severity: 'error',
      code: 'mapping',
      message: `${path.join('.')}: ${message}`,
      fix: [],
    }),
  );
  const found = await Promise.all([
    checkServer(database, config.database, importsRows(config.tables)),
    checkTables(database, config.tables),
    checkGrants(database, config.database.topics === undefined),
  ]);
  const problems = [...mapping, ...found.flat()];
  return [...problems.filter(isError), ...problems.filter((problem) => !isError(problem))];
}

/** Whether any rule wants the rows that are there already. */
function importsRows(tables: BridgeConfig['tables']): boolean {
  return mappedTables(tables).some(([, table]) => Object.values(table.events).some(({ op }) => op === 'r'));
}

export function isError({ severity }: PreflightProblem): boolean {
  return severity === 'error';
}

/** Throws BridgeError `preflight-failed` that lists every error with its remedy. */
export function refuseErrors(problems: readonly PreflightProblem[]): void {
  const errors = problems.filter(isError);
  if (errors.length === 0) return;
  const lines = errors.map(({ message, fix }) => [message, ...fix.map((sql) => `    ${sql}`)].join('\n'));
  throw new BridgeError('preflight-failed', `the legacy database is not ready:\n${lines.join('\n')}`);
}
