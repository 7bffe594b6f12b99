import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { freePort } from '../free-port.ts';
import { findJava } from './java.ts';
import { bringJars } from './maven.ts';
import type { RealPart } from './real-part.ts';
import { startTied, type TiedProgram } from './tied-process.ts';

const run = promisify(execFile);
const version = '4.3.1';
const startMs = 60_000;

/** A real Kafka of one node (KRaft) on loopback, with data of its own that is deleted when it stops. */
export interface RunningKafka extends RealPart {
  /** `127.0.0.1:20001`; stays the same over restarts. */
  readonly broker: string;
  /** The same broker where it wants a login by SASL: `PLAIN`, without TLS. */
  readonly guarded: { readonly broker: string; readonly username: string; readonly password: string };
  /** Ends the broker at once, as a crash would: its data stays. */
  kill(): Promise<void>;
  /** Starts the broker again after `kill`; resolves when it answers. Does nothing to one that runs. */
  restart(): Promise<void>;
}

/** The jars of Kafka and of Kafka Connect, as a class path. */
export async function kafkaClassPath(): Promise<string> {
  const jars = await bringJars(`kafka-${version}`, [
    `org.apache.kafka:kafka_2.13:${version}`,
    `org.apache.kafka:connect-runtime:${version}`,
    `org.apache.kafka:connect-json:${version}`,
    'org.slf4j:slf4j-simple:1.7.36',
  ]);
  return join(jars, '*');
}

/** Brings and starts Kafka from its packages at Maven. Throws RealPartUnavailable. */
export async function startKafka(): Promise<RunningKafka> {
  const java = await findJava();
  const classPath = await kafkaClassPath();
  const home = mkdtempSync(join(tmpdir(), 'kafka-'));
  const port = await freePort();
  const broker = `127.0.0.1:${port}`;
  const settings = join(home, 'server.properties');
  const guarded = { port: await freePort(), username: 'bridge', password: randomBytes(12).toString('hex') };
  writeFileSync(settings, brokerSettings(home, port, await freePort(), guarded), { mode: 0o600 });
  const id = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const format = ['kafka.tools.StorageTool', 'format', '-t', id, '-c', settings, '--ignore-formatted'];
  await run(java.program, ['-cp', classPath, ...format]);
  const program: TiedProgram = {
    command: java.program,
    args: ['-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath, 'kafka.Kafka', settings],
    options: { cwd: home },
    stopSignal: 'SIGTERM',
    log: join(home, 'kafka.log'),
    isReady: () => answers(broker),
    readyWithinMs: startMs,
  };
  let server = await startTied(program).catch((error) => {
    rmSync(home, { recursive: true, force: true });
    throw error;
  });
  return {
    version,
    broker,
    guarded: { broker: `127.0.0.1:${guarded.port}`, username: guarded.username, password: guarded.password },
    async kill() {
      server.signal('SIGKILL');
      await server.exited;
    },
    async restart() {
      if (!server.isRunning()) server = await startTied(program);
    },
    async stop() {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

interface GuardedListener {
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

/** Sessions of a dead broker end soon, so that a restarted one is let in soon. */
function brokerSettings(home: string, port: number, controllerPort: number, guarded: GuardedListener): string {
  const { username, password } = guarded;
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},GUARDED://127.0.0.1:${guarded.port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port},GUARDED://127.0.0.1:${guarded.port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,GUARDED:SASL_PLAINTEXT
listener.name.guarded.sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";
log.dirs=${join(home, 'data')}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
`;
}

function answers(broker: string): Promise<boolean> {
  return listTopics(broker).then(
    () => true,
    () => false,
  );
}

/** The names of all topics. Rejects when the broker does not answer. */
export async function listTopics(broker: string): Promise<string[]> {
  const client = new Kafka({
    brokers: [broker],
    connectionTimeout: 1_000,
    requestTimeout: 2_000,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
  });
  const admin = client.admin();
  try {
    await admin.connect();
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}
