import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { startDebezium, startEmbeddedDebezium } from '../../test/real-parts/debezium.ts';
import { startKafka } from '../../test/real-parts/kafka.ts';
import { until } from '../../test/until.ts';
import { cpuMicroseconds } from '../process-usage.ts';

/** A Debezium that captures the bench's table, held still while it is written to. */
export interface PausedDebezium {
  /** Rows that it has given out of the table so far. */
  rows(): Promise<number>;
  /** Lets it work until it has given out `rows` more, and holds it again; the CPU time of its Java process meanwhile. */
  work(rows: number): Promise<number>;
  stop(): Promise<void>;
}

const topic = 'leg.bench.orders';
const workMs = 120_000;

/** What its defaults are in production: the suites' settings ask for more than rows. Nothing is read before it begins to stream. */
const options = {
  'snapshot.mode': 'no_data',
  'provide.transaction.metadata': 'false',
  'include.query': 'false',
  'poll.interval.ms': '500',
};

/** The embedded engine, which makes JSON of each row. */
export async function pausedEngine(database: string): Promise<PausedDebezium> {
  const engine = await startEmbeddedDebezium({ database, connector: 'mariadb', options });
  const line = `{"topic":"${topic}"`;
  const rows = async () => engine.lines().filter((each) => each.startsWith(line)).length;
  return paused(javaProcess('EmbeddedDebezium.java'), rows, () => engine.stop());
}

/** The worker of Kafka Connect, producing to a real Kafka. */
export async function pausedWorker(database: string): Promise<PausedDebezium> {
  const kafka = await startKafka();
  const worker = await startDebezium({ database, connector: 'mariadb', options, broker: kafka.broker });
  const client = new Kafka({ brokers: [kafka.broker], logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  const rows = async () => {
    if (!(await admin.listTopics()).includes(topic)) return 0;
    return (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  };
  return paused(javaProcess('ConnectStandalone'), rows, async () => {
    await admin.disconnect();
    await worker.stop();
    await kafka.stop();
  });
}

function paused(pid: number, rows: () => Promise<number>, stop: () => Promise<void>): PausedDebezium {
  const signal = (name: NodeJS.Signals) => process.kill(pid, name);
  signal('SIGSTOP');
  return {
    rows,
    async work(more) {
      const wanted = (await rows()) + more;
      const before = cpuMicroseconds(pid);
      signal('SIGCONT');
      await until(
        async () => (await isQuiet(pid)) && (await rows()) >= wanted,
        workMs,
        () => `${more} more rows from Debezium`,
      );
      signal('SIGSTOP');
      return cpuMicroseconds(pid) - before;
    },
    async stop() {
      signal('SIGCONT');
      await stop();
    },
  };
}

const quietMs = 200;
const quietMicroseconds = 20_000;

/** Counting what it wrote takes a core of its own: it is done when it seems to have nothing to do. */
async function isQuiet(pid: number): Promise<boolean> {
  const before = cpuMicroseconds(pid);
  await delay(quietMs);
  return cpuMicroseconds(pid) - before < quietMicroseconds;
}

/** The process below this one that has `word` among its arguments and is no Node. */
function javaProcess(word: string): number {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = processes.find((pid) => isBelow(Number(pid)) && isJava(pid, word));
  if (!found) throw new Error(`found no Java process with ${word}`);
  return Number(found);
}

function isJava(pid: string, word: string): boolean {
  const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  return program.endsWith('java') && args.some((each) => each.includes(word));
}

function isBelow(pid: number): boolean {
  for (let at = pid; at > 1; at = parentOf(at)) if (at === process.pid) return true;
  return false;
}

/** 0 of a process that has ended meanwhile. */
function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}
