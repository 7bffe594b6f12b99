import type { DatabaseConfig } from '../config.ts';
import { retentionOf } from '../health/kept-binlog.ts';
import type { LegacyDatabase } from '../source/legacy-database.ts';
import { managedBy } from './managed.ts';
import type { PreflightProblem } from './problem.ts';

type Variables = ReadonlyMap<string, string>;

interface Setting {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly variable: string;
  /** Compared in upper case. */
  readonly expected: string;
  readonly why: string;
  readonly fix: readonly string[];
  /** A value, in upper case, that is only warned of. */
  readonly tolerated?: string;
  /** What a server that does not have the variable does. Left out: it behaves as expected. */
  readonly absentMeans?: string;
}

/** Sessions copy these variables when they begin. */
const reconnect = '-- connections that are open keep the old value: restart the legacy application when it holds any';
const restart = (line: string) => [`-- in the [mysqld] section of my.cnf, then restart: ${line}`];

const common: readonly Setting[] = [
  {
    severity: 'error',
    code: 'log-bin',
    variable: 'log_bin',
    expected: 'ON',
    why: 'changes are read from the binlog',
    fix: restart('log_bin = binlog'),
  },
  {
    severity: 'error',
    code: 'binlog-format',
    variable: 'binlog_format',
    expected: 'ROW',
    why: 'other formats do not tell which rows changed',
    fix: ['SET GLOBAL binlog_format = ROW', reconnect],
  },
  {
    severity: 'error',
    code: 'binlog-row-image',
    variable: 'binlog_row_image',
    expected: 'FULL',
    why: 'of an insert the columns that took their defaults are not told (MINIMAL), of an update those that are not in its images (NOBLOB: long ones): a rule that asks for one parks the change, data: "*" leaves it out',
    tolerated: 'NOBLOB',
    fix: ['SET GLOBAL binlog_row_image = FULL', reconnect],
  },
  {
    severity: 'warning',
    code: 'binlog-row-metadata',
    variable: 'binlog_row_metadata',
    expected: 'FULL',
    why: 'names of columns are then taken from the tables as they are now; changes from before an ALTER TABLE stop the bridge',
    fix: ['SET GLOBAL binlog_row_metadata = FULL'],
    absentMeans: 'a server before MariaDB 10.5 and MySQL 8.0',
  },
];

const mariadb: readonly Setting[] = [
  {
    severity: 'warning',
    code: 'annotate',
    variable: 'binlog_annotate_row_events',
    expected: 'ON',
    why: 'events will not carry the traceparent of the request',
    fix: ['SET GLOBAL binlog_annotate_row_events = ON'],
  },
];

const mysql: readonly Setting[] = [
  {
    severity: 'warning',
    code: 'annotate',
    variable: 'binlog_rows_query_log_events',
    expected: 'ON',
    why: 'events will not carry the traceparent of the request',
    fix: ['SET GLOBAL binlog_rows_query_log_events = ON'],
  },
  {
    severity: 'warning',
    code: 'gtid-mode',
    variable: 'gtid_mode',
    expected: 'ON',
    why: 'positions are then files and offsets of this one server, which are worth nothing after a failover',
    fix: [
      'SET GLOBAL enforce_gtid_consistency = ON',
      'SET GLOBAL gtid_mode = OFF_PERMISSIVE',
      'SET GLOBAL gtid_mode = ON_PERMISSIVE',
      'SET GLOBAL gtid_mode = ON',
    ],
  },
];

const dayInSeconds = 86_400;

export async function checkServer(
  database: LegacyDatabase,
  config: DatabaseConfig,
  imports: boolean,
): Promise<PreflightProblem[]> {
  const rows = await database.query('SHOW GLOBAL VARIABLES');
  const variables = new Map(rows.map((row) => [String(row.Variable_name), String(row.Value)]));
  const { flavour } = database.identity;
  if (config.topics) return judgeForTopics(flavour, variables);
  const problems = judgeSettings(flavour, variables, config.serverId);
  return imports && config.snapshotMode === 'initial' ? problems.map(neededToImport) : problems;
}

/** Without GTIDs nobody can tell which transactions a SELECT has seen, short of locking the server. */
function neededToImport(problem: PreflightProblem): PreflightProblem {
  if (problem.code !== 'gtid-mode') return problem;
  const why = 'rows that are there already can only be imported by GTID (or not at all: snapshotMode: never)';
  return { ...problem, severity: 'error', message: `${problem.message}; ${why}` };
}

/** What they stand in the way of when a Debezium reads the binlog: that looks after the other settings itself, and refuses to start. Pure. */
export function judgeForTopics(flavour: 'mariadb' | 'mysql', variables: Variables): PreflightProblem[] {
  if (flavour === 'mariadb') return [];
  const problems = mysql.filter(({ code }) => code === 'gtid-mode').flatMap((each) => checkSetting(variables, each));
  return problems.map((problem) => ({
    ...problem,
    severity: 'error',
    message: `${problem.message}; transactions in the topics are known by their GTIDs`,
  }));
}

/** What the server's global variables stand in the way of. Pure. */
export function judgeSettings(
  flavour: 'mariadb' | 'mysql',
  variables: Variables,
  serverId: number,
): PreflightProblem[] {
  const settings = [...common, ...(flavour === 'mariadb' ? mariadb : mysql)];
  return [
    ...settings.flatMap((setting) => checkSetting(variables, setting)),
    ...checkServerId(variables, serverId),
    ...checkReplica(variables),
    ...checkPurgeWindow(variables),
  ];
}

function checkSetting(
  variables: Variables,
  { severity, code, variable, expected, tolerated, why, fix, absentMeans }: Setting,
): PreflightProblem[] {
  const found = variables.get(variable);
  if (found === undefined && absentMeans === undefined) return [];
  if (found?.toUpperCase() === expected) return [];
  const shown = found === undefined ? `missing (${absentMeans})` : JSON.stringify(found);
  const message = `${variable} is ${shown}, expected ${JSON.stringify(expected)}: ${why}`;
  const managed = managedBy(variables);
  return [
    {
      severity: found !== undefined && found.toUpperCase() === tolerated ? 'warning' : severity,
      code,
      message,
      fix: managed ? [`-- ${managed.name}: in ${managed.settings}: ${variable} = ${expected}`, reconnect] : fix,
    },
  ];
}

/** A replica writes what it replicates to its own binlog only when it is told to. MySQL does by default, MariaDB does not. */
function checkReplica(variables: Variables): PreflightProblem[] {
  const logs = variables.get('log_replica_updates') ?? variables.get('log_slave_updates');
  const mayBeReplica = variables.get('gtid_slave_pos') !== '';
  if (logs !== 'OFF' || !mayBeReplica) return [];
  const message =
    'log_slave_updates is "OFF", expected "ON": what this server replicates from another is not in its binlog';
  return [{ severity: 'error', code: 'log-replica-updates', message, fix: restart('log_slave_updates = ON') }];
}

function checkServerId(variables: Variables, serverId: number): PreflightProblem[] {
  const found = variables.get('server_id');
  if (found === '0') {
    const message = 'server_id is 0, expected 1 or more: a server without an id refuses replicas';
    return [{ severity: 'error', code: 'server-id', message, fix: ['SET GLOBAL server_id = 1'] }];
  }
  if (found !== String(serverId)) return [];
  const message = `legacy.database.serverId is ${serverId}, the server's own id: expected one that no server or replica has`;
  return [{ severity: 'error', code: 'server-id', message, fix: ['-- set another legacy.database.serverId'] }];
}

/** How long a stopped bridge can be away before the changes it missed are gone; 0 is for ever. */
function checkPurgeWindow(variables: Variables): PreflightProblem[] {
  const managed = managedBy(variables);
  if (managed?.retention) {
    const message = `${managed.name} deletes binlogs as soon as it can unless it is told to keep them: a bridge that is away loses changes and has to begin anew`;
    return [{ severity: 'warning', code: 'purge-window', message, fix: [managed.retention] }];
  }
  const retentionMs = retentionOf(variables);
  if (retentionMs === undefined || retentionMs >= dayInSeconds * 1_000) return [];
  const message = `the binlog is purged after ${retentionMs / 1_000} s, expected a day or more: a bridge that is away for longer loses changes and has to begin anew`;
  return [
    {
      severity: 'warning',
      code: 'purge-window',
      message,
      fix: [`SET GLOBAL binlog_expire_logs_seconds = ${7 * dayInSeconds}`],
    },
  ];
}
