import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { findJava } from './java.ts';
import { kafkaClassPath, listTopics } from './kafka.ts';
import { bringArchive, bringJars } from './maven.ts';
import type { RealPart } from './real-part.ts';
import { startTied, type TiedProgram } from './tied-process.ts';

const version = '3.5.0.Final';
const startMs = 90_000;
const connectorName = 'debezium';

const connectorClasses = {
  mariadb: 'io.debezium.connector.mariadb.MariaDbConnector',
  mysql: 'io.debezium.connector.mysql.MySqlConnector',
} as const;

/** What Debezium captures, and how. */
export interface DebeziumWish {
  /** `mysql://USER:PASSWORD@HOST:PORT/DATABASE`: the account reads the binlog, the database is captured. */
  readonly database: string;
  readonly connector: keyof typeof connectorClasses;
  /** Connector settings over those that lose least. */
  readonly options?: Readonly<Record<string, string>>;
}

export interface KafkaConnectWish extends DebeziumWish {
  /** `127.0.0.1:20001` */
  readonly broker: string;
  /** Whether each record carries its schema. Default false. */
  readonly schemas?: boolean;
}

/** A worker of Kafka Connect with one Debezium connector. */
export interface RunningDebezium extends RealPart {
  /** The topics' prefix. */
  readonly prefix: string;
  /** `RUNNING`, or `FAILED` with its trace: of the task, since the connector stays RUNNING when its task fails. */
  taskState(): Promise<{ readonly state: string; readonly trace?: string }>;
  /** Ends the worker at once, as a crash would: what it has noted of its offsets stays. */
  kill(): Promise<void>;
  /** Starts the worker again after `kill`; resolves when the task runs. Does nothing to one that runs. */
  restart(): Promise<void>;
}

/** Debezium's embedded engine, which needs no Kafka. */
export interface RunningEmbeddedDebezium extends RealPart {
  readonly prefix: string;
  /** Every record so far as `{"topic":…,"key":…,"value":…}`, a line each. */
  lines(): string[];
}

/** Brings and starts a Connect worker with Debezium from their packages at Maven; resolves when it has read the tables. Throws RealPartUnavailable. */
export async function startDebezium(wish: KafkaConnectWish): Promise<RunningDebezium> {
  const java = await findJava();
  const classPath = await kafkaClassPath();
  const plugin = await bringArchive(
    `debezium-${wish.connector}-${version}`,
    `io.debezium:debezium-connector-${wish.connector}:${version}:tar.gz:plugin`,
  );
  const home = mkdtempSync(join(tmpdir(), 'debezium-'));
  const prefix = 'leg';
  const port = await freePort();
  mkdirSync(join(home, 'plugins'));
  symlinkSync(plugin, join(home, 'plugins', 'debezium'));
  writeProperties(join(home, 'worker.properties'), workerSettings(home, wish, port));
  writeProperties(join(home, 'connector.properties'), connectorSettings(home, wish, prefix, connectorName));
  const options = ['-Xmx768m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath];
  const taskState = () => readTaskState(port);
  const program: TiedProgram = {
    command: java.program,
    args: [...options, 'org.apache.kafka.connect.cli.ConnectStandalone', 'worker.properties', 'connector.properties'],
    options: { cwd: home },
    stopSignal: 'SIGTERM',
    log: join(home, 'debezium.log'),
    isReady: async () => (await taskState()).state === 'RUNNING' && (await hasReadTables(wish.broker, prefix)),
    readyWithinMs: startMs,
  };
  let worker = await startTied(program).catch((error) => {
    rmSync(home, { recursive: true, force: true });
    throw error;
  });
  return {
    version: `${version}, ${wish.connector} connector`,
    prefix,
    taskState,
    async kill() {
      worker.signal('SIGKILL');
      await worker.exited;
    },
    async restart() {
      if (!worker.isRunning()) worker = await startTied(program);
    },
    async stop() {
      await worker.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Brings and starts Debezium's embedded engine; resolves when it has read the tables. Throws RealPartUnavailable. */
export async function startEmbeddedDebezium(wish: DebeziumWish): Promise<RunningEmbeddedDebezium> {
  const java = await findJava();
  const jars = await bringJars(`debezium-embedded-${version}`, [
    `io.debezium:debezium-embedded:${version}`,
    `io.debezium:debezium-connector-mariadb:${version}`,
    `io.debezium:debezium-connector-mysql:${version}`,
    'org.slf4j:slf4j-simple:1.7.36',
  ]);
  const home = mkdtempSync(join(tmpdir(), 'debezium-'));
  const prefix = 'leg';
  const log = join(home, 'records.jsonl');
  writeProperties(join(home, 'engine.properties'), {
    ...connectorSettings(home, wish, prefix, 'embedded'),
    'offset.storage': 'org.apache.kafka.connect.storage.FileOffsetBackingStore',
    'offset.storage.file.filename': join(home, 'offsets'),
    'offset.flush.interval.ms': '1000',
    'converter.schemas.enable': 'false',
    'converter.replace.null.with.default': 'false',
  });
  const source = join(import.meta.dirname, 'java', 'EmbeddedDebezium.java');
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=off';
  const lines = () =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{"topic":'));
  const engine = await startTied({
    command: java.program,
    args: [quiet, '-cp', join(jars, '*'), source, 'engine.properties'],
    options: { cwd: home },
    stopSignal: 'SIGTERM',
    log,
    isReady: async () => lines().some((line) => line.includes('__debezium-heartbeat')),
    readyWithinMs: startMs,
  }).catch((error) => {
    rmSync(home, { recursive: true, force: true });
    throw error;
  });
  return {
    version: `${version}, embedded engine`,
    prefix,
    lines,
    async stop() {
      await engine.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function workerSettings(home: string, { broker, schemas = false }: KafkaConnectWish, port: number) {
  const converter = (kind: string) => ({
    [`${kind}.converter`]: 'org.apache.kafka.connect.json.JsonConverter',
    [`${kind}.converter.schemas.enable`]: String(schemas),
    [`${kind}.converter.replace.null.with.default`]: 'false',
  });
  return {
    'bootstrap.servers': broker,
    listeners: `http://127.0.0.1:${port}`,
    ...converter('key'),
    ...converter('value'),
    'offset.storage.file.filename': join(home, 'connect.offsets'),
    'offset.flush.interval.ms': '1000',
    'plugin.path': join(home, 'plugins'),
    'plugin.discovery': 'service_load',
  };
}

/** The settings under which Debezium loses least. */
function connectorSettings(home: string, { database, connector, options }: DebeziumWish, prefix: string, name: string) {
  const { hostname, port, username, password, pathname } = new URL(database);
  return {
    name,
    'connector.class': connectorClasses[connector],
    'tasks.max': '1',
    'database.hostname': hostname,
    'database.port': port || '3306',
    'database.user': decodeURIComponent(username),
    'database.password': decodeURIComponent(password),
    'database.server.id': String(100_000 + Math.floor(Math.random() * 1_000_000)),
    'topic.prefix': prefix,
    'database.include.list': decodeURIComponent(pathname.slice(1)),
    'schema.history.internal': 'io.debezium.storage.file.history.FileSchemaHistory',
    'schema.history.internal.file.filename': join(home, 'schema-history'),
    'include.query': 'true',
    'provide.transaction.metadata': 'true',
    'heartbeat.interval.ms': '1000',
    'poll.interval.ms': '10',
    'decimal.handling.mode': 'string',
    'time.precision.mode': 'adaptive_time_microseconds',
    'bigint.unsigned.handling.mode': 'long',
    'binary.handling.mode': 'base64',
    'enable.time.adjuster': 'false',
    'skipped.operations': 'none',
    ...(connector === 'mysql' ? { 'database.allowPublicKeyRetrieval': 'true' } : {}),
    ...options,
  };
}

/** Java's own escapes: a backslash and what is not ASCII. */
function writeProperties(path: string, settings: Readonly<Record<string, string>>): void {
  const escaped = (text: string) =>
    text
      .replaceAll('\\', '\\\\')
      .replace(/[^\x20-\x7e]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${escaped(value)}\n`);
  writeFileSync(path, lines.join(''), { mode: 0o600 });
}

/** The first heartbeat comes when the snapshot is done. */
async function hasReadTables(broker: string, prefix: string): Promise<boolean> {
  const topics = await listTopics(broker).catch((): string[] => []);
  return topics.includes(`__debezium-heartbeat.${prefix}`);
}

async function readTaskState(port: number): Promise<{ state: string; trace?: string }> {
  try {
    const url = `http://127.0.0.1:${port}/connectors/${connectorName}/status`;
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    const { tasks = [] } = (await response.json()) as { tasks?: { state: string; trace?: string }[] };
    return tasks[0] ?? { state: 'ABSENT' };
  } catch {
    return { state: 'UNREACHABLE' };
  }
}
