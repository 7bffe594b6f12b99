import type { Socket } from 'node:net';
import type { RunningPart } from '../runtime/part.ts';
import { degradations } from './admin/status.ts';
import { Bypass } from './bypass.ts';
import type { GatewayConfig } from './config.ts';
import { type InnerFront, openInnerFront } from './front.ts';
import { type Opened, openAll } from './opened.ts';
import type { ReadConfiguration } from './reload/configuration.ts';
import { openRooms, type RoomPorts, type Rooms } from './rooms.ts';
import type { WorkerAnswers, WorkerOrder, WorkerQuestion, WorkerReport } from './workers/workers.ts';

/** What a worker stands on. */
export interface WorkerPorts extends RoomPorts {
  /** Whether bypass is on where it is kept. */
  readonly bypassed: boolean;
}

/** A process that serves requests and is led by another one. */
export interface RunningWorker extends RunningPart {
  /** A connection that was accepted for it, and nothing read of. */
  take(socket: Socket): void;
  answer<Question extends WorkerQuestion>(question: Question): Promise<WorkerAnswers[Question]>;
  /** Goes on by another configuration; rejects, with nothing changed, when it cannot. */
  apply(read: ReadConfiguration): Promise<void>;
  /** Does everything else that workers are told. Rejects when it could not be done. */
  obey(order: Exclude<WorkerOrder, { kind: 'configuration' }>): Promise<void>;
}

/**
 * Starts a worker: a gateway without an admin API. It follows the same log as all others, and keeps its copies in a folder of its own. Rejects when
 * a file that the configuration names cannot be used.
 */
export function startWorker(config: GatewayConfig, ports: WorkerPorts): Promise<RunningWorker> {
  return openAll((opened) => open(config, ports, opened));
}

async function open(config: GatewayConfig, ports: WorkerPorts, opened: Opened): Promise<RunningWorker> {
  const bypassOf = ({ bypassed }: Rooms['telemetry']) => Bypass.told(ports.bypassed, bypassed);
  const rooms = await openRooms(config, ports, bypassOf, opened);
  const front = opened.keep(await openInnerFront(config, ports, rooms));
  const answers: { [Question in WorkerQuestion]: () => Promise<WorkerAnswers[Question]> } = {
    report: async () => reportOf(rooms),
    metrics: () => ports.metrics.samples(),
    samples: async () => rooms.evidence.samples(),
  };
  return {
    take: (socket) => front.take(socket),
    answer: (question) => answers[question](),
    apply: (read) => front.apply(read),
    obey: (order) => obey(order, rooms, front),
    stop: () => opened.stop(),
  };
}

function obey(order: Parameters<RunningWorker['obey']>[0], rooms: Rooms, front: InnerFront): Promise<void> {
  const { bypass, evidence, journal, readYourWrites } = rooms;
  switch (order.kind) {
    case 'bypass':
      bypass.set(order.on, order.by);
      return Promise.resolve();
    case 'reopen-logs':
      return front.reopenLogs();
    case 'reload-certificates':
      return front.reloadCertificates();
    case 'flush-evidence':
      return evidence.flush();
    case 'client-wrote':
      readYourWrites?.wroteElsewhere(order.client, order.waitMs);
      return Promise.resolve();
    case 'look-at-log':
      return journal.look();
    default:
      return order satisfies never;
  }
}

function reportOf({ plans: { current }, targets, accounting, journal, flags, evidence }: Rooms): WorkerReport {
  const { table, identity } = current;
  const shadows = [...current.shadows.values()].map((shadow) => shadow.status());
  const statuses = targets.status();
  const identityTroubles = identity.troubles();
  return {
    requests: Object.fromEntries(table.routes.map(({ name }) => [name, accounting.countsOf(name)])),
    targets: statuses,
    shadows,
    degraded: degradations({ journal, flags, identityTroubles, targets: statuses, shadows }),
    uses: flags.uses.all(),
    tallies: evidence.pending(),
  };
}
