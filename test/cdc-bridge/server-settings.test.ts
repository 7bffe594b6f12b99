import { expect, it } from 'vitest';
import { judgeSettings } from '../../cdc-bridge/preflight/server-settings.ts';

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
    ['error', 'binlog-row-metadata', 'SET GLOBAL binlog_row_metadata = FULL'],
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

it('calls a server too old that cannot log column names', () => {
  const { binlog_row_metadata: _newer, ...old } = fit;
  expect(judge('mariadb', old).map(([, code]) => code)).toEqual(['binlog-row-metadata']);
});
