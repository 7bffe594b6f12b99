import { expect, it } from 'vitest';
import { judgeForTopics, judgeSettings } from '../../cdc-bridge/preflight/server-settings.ts';

const fit = {
  log_bin: 'ON',
  binlog_format: 'ROW',
  binlog_row_image: 'FULL',
  binlog_row_metadata: 'FULL',
  binlog_annotate_row_events: 'ON',
  server_id: '1',
  binlog_expire_logs_seconds: '0',
};
const judge = (flavour: 'mariadb' | 'mysql', variables: Record<string, string>) =>
  judgeSettings(flavour, new Map(Object.entries(variables)), 4242).map(({ severity, code, fix }) => [
    severity,
    code,
    fix[0],
  ]);

it('is content with a server that logs whole rows with names', () => {
  expect(judge('mariadb', fit)).toEqual([]);
});

it('tells everything about a server left at MariaDB’s defaults, with the SQL that changes it', () => {
  const defaults = {
    log_bin: 'OFF',
    binlog_format: 'MIXED',
    binlog_row_image: 'MINIMAL',
    binlog_row_metadata: 'NO_LOG',
    binlog_annotate_row_events: 'OFF',
    server_id: '4242',
    binlog_expire_logs_seconds: '3600',
  };
  expect(judge('mariadb', defaults)).toEqual([
    ['error', 'log-bin', '-- in the [mysqld] section of my.cnf, then restart: log_bin = binlog'],
    ['error', 'binlog-format', 'SET GLOBAL binlog_format = ROW'],
    ['error', 'binlog-row-image', 'SET GLOBAL binlog_row_image = FULL'],
    ['warning', 'binlog-row-metadata', 'SET GLOBAL binlog_row_metadata = FULL'],
    ['warning', 'annotate', 'SET GLOBAL binlog_annotate_row_events = ON'],
    ['error', 'server-id', '-- set another legacy.database.serverId'],
    ['warning', 'purge-window', 'SET GLOBAL binlog_expire_logs_seconds = 604800'],
  ]);
});

it('warns of a MySQL without GTIDs, and takes compressed transactions and partial JSON', () => {
  const { binlog_annotate_row_events: _mariadb, ...mysql } = fit;
  const unusual = {
    ...mysql,
    gtid_mode: 'OFF',
    binlog_transaction_compression: 'ON',
    binlog_row_value_options: 'PARTIAL_JSON',
  };
  expect(judge('mysql', unusual).map(([severity, code]) => [severity, code])).toEqual([['warning', 'gtid-mode']]);
});

it('asks for nothing but GTIDs where a Debezium reads the binlog', () => {
  const judged = (flavour: 'mariadb' | 'mysql', variables: Record<string, string>) =>
    judgeForTopics(flavour, new Map(Object.entries(variables))).map(({ severity, code }) => [severity, code]);
  expect(judged('mysql', { log_bin: 'OFF', gtid_mode: 'ON_PERMISSIVE' })).toEqual([['error', 'gtid-mode']]);
  expect(judged('mysql', { log_bin: 'OFF', gtid_mode: 'ON' })).toEqual([]);
  expect(judged('mariadb', { log_bin: 'OFF', server_id: '0' })).toEqual([]);
});

it('calls a server too old that cannot log column names', () => {
  const { binlog_row_metadata: _newer, ...old } = fit;
  expect(judge('mariadb', old).map(([, code]) => code)).toEqual(['binlog-row-metadata']);
});

it('sends the operator of a managed database where its settings are, and tells how to keep its binlogs', () => {
  const rds = judgeSettings(
    'mysql',
    new Map([
      ['datadir', '/rdsdbdata/db/'],
      ['log_bin', 'ON'],
      ['binlog_format', 'MIXED'],
    ]),
    4242,
  );
  const fixes = rds.flatMap(({ fix }) => fix);
  expect(fixes).toContain('-- Amazon RDS: in the DB parameter group: binlog_format = ROW');
  expect(fixes).toContain("CALL mysql.rds_set_configuration('binlog retention hours', 168)");
  expect(fixes.filter((sql) => /^SET GLOBAL/.test(sql))).toEqual([]);
});

it('refuses a replica that does not log what it replicates, and no MariaDB that is none', () => {
  const codesOf = (variables: [string, string][]) =>
    judgeSettings('mariadb', new Map(variables), 4242).map(({ code }) => code);
  expect(
    codesOf([
      ['log_slave_updates', 'OFF'],
      ['gtid_slave_pos', '0-1-7'],
    ]),
  ).toContain('log-replica-updates');
  expect(
    codesOf([
      ['log_slave_updates', 'OFF'],
      ['gtid_slave_pos', ''],
    ]),
  ).not.toContain('log-replica-updates');
  expect(
    codesOf([
      ['log_slave_updates', 'ON'],
      ['gtid_slave_pos', '0-1-7'],
    ]),
  ).not.toContain('log-replica-updates');
});

it('warns of images without long columns, and refuses those without defaults', () => {
  const judged = (image: string) => judge('mariadb', { ...fit, binlog_row_image: image }).map(([severity]) => severity);
  expect([judged('NOBLOB'), judged('MINIMAL')]).toEqual([['warning'], ['error']]);
});
