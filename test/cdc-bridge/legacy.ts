import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { describe } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type BridgePorts, type RunningBridge, startBridge } from '../../cdc-bridge/bridge.ts';
import { type BridgeConfig, bridgeCapability, type TablesConfig } from '../../cdc-bridge/config.ts';
import type { EventLog } from '../../contract/event-log.ts';
import type { Topic } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { openLog } from '../../event-log/open.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
import { sharedMysql } from '../real-parts/shared-mysql.ts';

/** A legacy database of its own on the test server, with the sample tables, and the bridges and logs that a test starts on it. */
export interface Legacy {
  readonly name: string;
  readonly flavour: 'mariadb' | 'mysql';
  readonly url: string;
  readonly connection: Connection;
  run(sql: string, values?: unknown[]): Promise<RowDataPacket[]>;
  /** Of everything that the server has committed. */
  position(): Promise<string>;
  drop(): Promise<void>;
}

export function serverUrl(): URL {
  const url = process.env.TEST_DB_URL;
  if (!url)
    throw new Error('TEST_DB_URL is not set: expected the root URL of a MariaDB or MySQL with a row-format binlog');
  return new URL(url);
}

export async function createLegacy(server = serverUrl()): Promise<Legacy> {
  const name = `bridge_test_${process.pid}_${randomInt(1e9)}`;
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const admin = await mysql.createConnection({ uri: server.href });
  await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  await admin.end();
  const connection = await mysql.createConnection({
    uri: url,
    dateStrings: true,
    supportBigNumbers: true,
    timezone: 'Z',
    charset: 'utf8mb4',
  });
  await connection.query("SET SESSION sql_mode = '', SESSION time_zone = '+00:00'");
  for (const statement of sampleTables) await connection.query(statement);
  const run = async (sql: string, values: unknown[] = []) => (await connection.query<RowDataPacket[]>(sql, values))[0];
  const flavour = /mariadb/i.test((await run('SELECT VERSION() AS version'))[0]!.version) ? 'mariadb' : 'mysql';
  const committed = { mariadb: '@@GLOBAL.gtid_binlog_pos', mysql: "REPLACE(@@GLOBAL.gtid_executed, '\\n', '')" }[
    flavour
  ];
  return {
    name,
    flavour,
    url,
    connection,
    run,
    position: async () => `${flavour}:${(await run(`SELECT ${committed} AS gtids`))[0]!.gtids}`,
    async drop() {
      await connection.query(`DROP DATABASE ${name}`);
      await connection.end();
    },
  };
}

/** The two servers whose binlog the bridge reads. A suite that is meant for both gets a way to make a legacy database on the one that it runs on. */
export function onBothServers(suite: (create: () => Promise<Legacy>) => void): void {
  describe('on MariaDB', () => suite(() => createLegacy()));
  onMysql(suite);
}

/** A suite that only MySQL has a reason for. */
export function onMysql(suite: (create: () => Promise<Legacy>) => void): void {
  describe('on MySQL', () => {
    const mysql = requireRealPart('MySQL', sharedMysql);
    suite(() => createLegacy(new URL(mysql().url)));
  });
}

const sampleTables = [
  'CREATE TABLE customers (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100) CHARACTER SET latin1 NOT NULL, email VARCHAR(100), city VARCHAR(60), created_at DATETIME NOT NULL)',
  `CREATE TABLE shipments (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, customer_id INT UNSIGNED, sender VARCHAR(100) NOT NULL, receiver VARCHAR(100) NOT NULL,
     receiver_phone VARCHAR(40), shipment_status ENUM('created','in_transit','delayed','delivered','cancelled') NOT NULL DEFAULT 'created',
     price DECIMAL(10,2) NOT NULL DEFAULT 0.00, estimated_arrival DATE NOT NULL DEFAULT '0000-00-00', document VARCHAR(255), created_at DATETIME NOT NULL,
     updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)`,
  'CREATE TABLE packing_list_items (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, shipment_id INT UNSIGNED NOT NULL, description VARCHAR(200) NOT NULL, quantity INT NOT NULL DEFAULT 1, KEY (shipment_id))',
  'CREATE TABLE shipment_notes (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, shipment_id INT UNSIGNED, author VARCHAR(60), body TEXT, created_at DATETIME)',
  'CREATE TABLE users (name VARCHAR(60) PRIMARY KEY, password_hash VARCHAR(100))',
  'CREATE TABLE sessions (id CHAR(40) PRIMARY KEY, user VARCHAR(60), data TEXT, updated_at DATETIME)',
  'CREATE TABLE page_views (path VARCHAR(190) PRIMARY KEY, views INT) ENGINE = MyISAM',
];

/** The sample domain's mapping, read through the schema as the configuration is. */
export function shipmentTables(): TablesConfig {
  return readTables(readFileSync(new URL('./fixtures/shipments-tables.yaml', import.meta.url), 'utf8'));
}

export function readTables(yaml: string): TablesConfig {
  return z.strictObject(bridgeCapability).parse(parse(yaml)).tables ?? {};
}

export function bridgeConfig(legacy: Pick<Legacy, 'url'>, tables: TablesConfig = shipmentTables()): BridgeConfig {
  return {
    name: 'test',
    database: {
      url: legacy.url,
      serverId: randomInt(100_000, 4_000_000_000),
      snapshotMode: 'initial',
      snapshot: { chunkRows: 500, chunkMs: 100, pauseMs: 0 },
      maxEvent: 2 ** 30,
      maxHeld: 2 ** 26,
      undecodable: 'stop',
      knownRows: true,
      keepRowChanges: { bytes: 2 ** 28, age: 7 * 86_400_000 },
    },
    tables,
    leaseMs: 1_000,
    port: 0,
  };
}

export interface TempLog {
  readonly url: string;
  readonly log: EventLog;
  remove(): Promise<void>;
}

export function tempLog(): TempLog {
  const folder = mkdtempSync(join(tmpdir(), 'bridge-test-'));
  const url = `sqlite:${join(folder, 'log.db')}`;
  const log = openLog(url);
  return {
    url,
    log,
    async remove() {
      await log.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export function start(config: BridgeConfig, log: EventLog, ports: Partial<BridgePorts> = {}): Promise<RunningBridge> {
  return startBridge(config, { log, logger: silent, metrics: new Metrics(), ...ports });
}

/** Waits until the bridge has passed what is committed now. */
export async function caughtUp(
  bridge: { url: string },
  waitMs = 15_000,
): Promise<{ position: string; address: string }> {
  const response = await fetch(`${bridge.url}/head?waitMs=${waitMs}`);
  if (response.status !== 200) throw new Error(`bridge did not catch up: ${await response.text()}`);
  return response.json() as Promise<{ position: string; address: string }>;
}

export async function allEvents(log: EventLog, topic: Topic = 'domain'): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (;;) {
    const page = await log.read(topic, events.length, 1_000);
    events.push(...page);
    if (page.length < 1_000) return events;
  }
}
