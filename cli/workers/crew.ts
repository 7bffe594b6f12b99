import type { Socket } from 'node:net';
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
import { Door } from './door.ts';
import { Member } from './member.ts';

const workerProgram = fileURLToPath(new URL('./worker.mjs', import.meta.url));
const askMs = 1_000;

/** How long an order may take, and whether a worker that has not done it may live on: it would go by what was abolished. */
const orders: Readonly<
  Record<Exclude<WorkerOrder['kind'], 'look-at-log' | 'client-wrote'>, { withinMs: number; vital: boolean }>
> = {
  bypass: { withinMs: 1_000, vital: true },
  configuration: { withinMs: 10_000, vital: true },
  'reopen-logs': { withinMs: 5_000, vital: false },
  'reload-certificates': { withinMs: 5_000, vital: false },
  'flush-evidence': { withinMs: 5_000, vital: false },
};

/**
 * The workers of a gateway. This process accepts connections and deals them out in turn: left to the kernel, the worker that looks first takes
 * all that wait, and connections are kept for long. When this process is killed they end too, because the channels to them close.
 */
export class ForkedCrew implements WorkerCrew {
  readonly #system: System;
  readonly #telemetry: CrewTelemetry;
  readonly #door = new Door();
  #members: readonly Member[] = [];
  #dealt = 0;
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
    const ports = {
      program: workerProgram,
      stdout: printsLog ? process.stdout : undefined,
      welcome: () => ({ path, written: this.#written, bypassed: bypassed() }),
      passOn: (from: Member, order: WorkerOrder) => {
        for (const member of this.#members) if (member !== from) member.notify(order);
      },
      telemetry: this.#telemetry,
    };
    this.#members = Array.from({ length: configuration.workers }, (_, index) => new Member(index + 1, ports));
    try {
      await Promise.all(this.#members.map((member) => member.start()));
      const publicUrl = await this.#door.open(configuration.listeners.public, (socket) => this.#deal(socket));
      this.#telemetry.serving(this.#members.length, publicUrl);
      return publicUrl;
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
    this.#door.close();
    await Promise.all(this.#members.map((member) => member.stop()));
  }

  /** To the next that serves. While none does a client is better told so at once. */
  #deal(socket: Socket): void {
    const serving = this.#members.filter(({ status }) => status.state === 'serving');
    this.#dealt += 1;
    const member = serving[this.#dealt % serving.length];
    if (member) member.give(socket);
    else socket.destroy();
  }

  async #tellOne(member: Member, order: WorkerOrder): Promise<void> {
    if (order.kind === 'look-at-log' || order.kind === 'client-wrote') return member.notify(order);
    const { withinMs, vital } = orders[order.kind];
    const problem = await member.tell(order, withinMs);
    if (problem === undefined) return;
    if (vital) member.kill(`${order.kind}: ${problem}`);
    else this.#telemetry.disobeyed(member.status.worker, order.kind, problem);
  }
}
