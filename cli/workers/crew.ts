import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type {
  WorkerAnswers,
  WorkerCrew,
  WorkerOrder,
  WorkerQuestion,
  WorkerStatus,
} from '../../gateway/workers/workers.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { System } from '../system.ts';
import { type CrewTelemetry, crewTelemetry } from './crew-telemetry.ts';
import { Member } from './member.ts';
import { wholeLines } from './whole-lines.ts';

const workerProgram = fileURLToPath(new URL('./worker.mjs', import.meta.url));
const askMs = 1_000;

/** How long an order may take, and whether a worker that has not done it may live on: it would go by what was abolished. */
const orders: Readonly<Record<Exclude<WorkerOrder['kind'], 'look-at-log'>, { withinMs: number; vital: boolean }>> = {
  bypass: { withinMs: 1_000, vital: true },
  configuration: { withinMs: 10_000, vital: true },
  'reopen-logs': { withinMs: 5_000, vital: false },
  'stop-accepting': { withinMs: 1_000, vital: false },
  'reload-certificates': { withinMs: 5_000, vital: false },
  'flush-evidence': { withinMs: 5_000, vital: false },
};

/**
 * The workers of a gateway, by `node:cluster`. This process accepts connections and deals them out in turn: left to the kernel, a worker that
 * has slept longest gets most, and connections are kept for long. What it knows beside that is only how each worker is; when it is
 * killed they end, because the channels to them close.
 */
export class ClusterCrew implements WorkerCrew {
  readonly #system: System;
  readonly #telemetry: CrewTelemetry;
  #members: readonly Member[] = [];
  #written: System['written'];

  constructor(system: System, { logger, metrics }: { logger: Logger; metrics: Metrics }) {
    this.#system = system;
    this.#written = system.written;
    this.#telemetry = crewTelemetry(logger, metrics);
  }

  async start({ bypassed }: { readonly bypassed: () => boolean }): Promise<string> {
    const { path, configuration } = this.#system;
    // Several processes would tear each other's lines on a pipe.
    const printsLog = typeof configuration.accessLog === 'object' && configuration.accessLog.file === '-';
    cluster.schedulingPolicy = cluster.SCHED_RR;
    cluster.setupPrimary({
      exec: workerProgram,
      args: [],
      serialization: 'advanced',
      stdio: ['ignore', printsLog ? 'pipe' : 'inherit', 'inherit', 'ipc'],
    });
    const ports = {
      welcome: () => ({ path, written: this.#written, bypassed: bypassed() }),
      begun: ({ process: { stdout } }: { process: { stdout: NodeJS.ReadableStream | null } }) => {
        stdout?.pipe(wholeLines()).pipe(process.stdout, { end: false });
      },
      telemetry: this.#telemetry,
    };
    this.#members = Array.from({ length: configuration.workers }, (_, index) => new Member(index + 1, ports));
    try {
      const [publicUrl] = await Promise.all(this.#members.map((member) => member.start()));
      this.#telemetry.serving(this.#members.length, publicUrl!);
      return publicUrl!;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async ask<Question extends WorkerQuestion>(question: Question): Promise<WorkerAnswers[Question][]> {
    const answers = await Promise.all(this.#members.map((member) => member.ask(question, askMs)));
    return answers.filter((answer) => answer !== undefined);
  }

  async tell(order: WorkerOrder): Promise<void> {
    if (order.kind === 'configuration') this.#written = order.written;
    await Promise.all(this.#members.map((member) => this.#tellOne(member, order)));
  }

  status(): WorkerStatus[] {
    return this.#members.map(({ status }) => status);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.stop()));
  }

  async #tellOne(member: Member, order: WorkerOrder): Promise<void> {
    if (order.kind === 'look-at-log') return member.notify(order);
    const { withinMs, vital } = orders[order.kind];
    const problem = await member.tell(order, withinMs);
    if (problem === undefined) return;
    if (vital) member.kill(`${order.kind}: ${problem}`);
    else this.#telemetry.disobeyed(member.status.worker, order.kind, problem);
  }
}
