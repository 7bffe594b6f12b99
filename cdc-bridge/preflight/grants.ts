import type { LegacyDatabase } from '../source/legacy-database.ts';
import type { PreflightProblem } from './problem.ts';

/** What the account may do, by scope: `*.*`, `legacy.*`, … */
type Grants = readonly { readonly privileges: string; readonly scope: string }[];

/**
 * The account's missing privileges, each with the GRANT that gives it: `asReplica` to read the binlog itself. Privileges that come by way of a
 * role are seen when the role is active.
 */
export async function checkGrants(database: LegacyDatabase, asReplica: boolean): Promise<PreflightProblem[]> {
  const rows = await database.query('SHOW GRANTS FOR CURRENT_USER');
  const [who] = await database.query('SELECT CURRENT_USER() AS account');
  const account = String(who!.account).replace(/^(.*)@([^@]*)$/, "'$1'@'$2'");
  const grants = rows.flatMap((row) => parseGrant(String(Object.values(row)[0])));
  const everywhere = (privilege: RegExp) =>
    grants.some(({ privileges, scope }) => scope === '*.*' && privilege.test(privileges));
  const problems: PreflightProblem[] = [];
  const require = (granted: boolean, privilege: string, scope: string, why: string) => {
    if (granted) return;
    const message = `account ${account} lacks ${privilege} on ${scope}: ${why}`;
    problems.push({ severity: 'error', code: 'grant', message, fix: [`GRANT ${privilege} ON ${scope} TO ${account}`] });
  };
  require(!asReplica ||
    everywhere(
      /ALL PRIVILEGES|REPLICATION (SLAVE|REPLICA)\b(?! ADMIN)/,
    ), 'REPLICATION SLAVE', '*.*', 'the binlog is read as a replica');
  require(maySelect(
    grants,
    database.name,
  ), 'SELECT', `\`${database.name}\`.*`, 'the initial snapshot reads the mapped tables');
  if (database.identity.flavour === 'mariadb') {
    require(everywhere(
      /ALL PRIVILEGES|BINLOG MONITOR|REPLICATION CLIENT/,
    ), 'BINLOG MONITOR', '*.*', 'the initial snapshot asks where the binlog ends');
  }
  return problems;
}

function parseGrant(text: string): Grants {
  const match = /^GRANT (.+?) ON (?:TABLE )?(\S+) TO /i.exec(text);
  return match
    ? [{ privileges: match[1]!.toUpperCase(), scope: match[2]!.replaceAll('`', '').replaceAll('\\', '') }]
    : [];
}

/** SELECT on single tables is enough: what cannot be read then shows up as a missing table. */
function maySelect(grants: Grants, name: string): boolean {
  return grants.some(
    ({ privileges, scope }) =>
      /ALL PRIVILEGES|\bSELECT\b/.test(privileges) &&
      (scope === '*.*' || new RegExp(`^${likePattern(scope)}$`).test(`${name}.`)),
  );
}

/** `shop_%.*` → the databases it stands for, as the beginning of `NAME.`; the part behind the dot is not looked at. */
function likePattern(scope: string): string {
  const database = scope.slice(0, scope.indexOf('.'));
  return `${database
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('%', '.*')
    .replaceAll('_', '.')}\\.`;
}
