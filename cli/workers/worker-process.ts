import type { Socket } from 'node:net';
import { join } from 'node:path';
import { openLog } from '../../event-log/open.ts';
import type { GatewayConfig } from '../../gateway/config.ts';
import type { ReadConfiguration } from '../../gateway/reload/configuration.ts';
import type { RunningWorker } from '../../gateway/worker.ts';
import type { WorkerOrder } from '../../gateway/workers/workers.ts';
import { createLogger } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { configurationOf } from '../config/load.ts';
import { readEnvironment } from '../environment.ts';
import { gatewayConfigOf } from '../gateway-slice.ts';
import { startOtlpOf } from '../start-otlp.ts';
import { type System, systemOf } from '../system.ts';
import { aborted, untilStopped } from '../until-stopped.ts';
import type { FromWorker, ToWorker, Welcome } from './messages.ts';

/**
 * Serves requests until SIGTERM, then finishes those it has. What a worker serves by it is told by the process that leads, not by the files: those may
 * hold something newer that cannot be used. Without that process it ends too, when it has finished what it had.
 */
export async function work(): Promise<void> {
  // Ctrl-C at a terminal reaches every process there; the one that leads says when to end.
  process.on('SIGINT', () => {});
  await untilStopped(
    async (signal) => {
      const welcome = await welcomed();
      const starting = start(welcome);
      process.on(
        'message',
        (message: ToWorker, socket: Socket | undefined) =>
          void starting.then(
            ({ worker }) => carryOut(message, socket, worker, welcome),
            () => {},
          ),
      );
      try {
        await starting;
        say({ kind: 'serving' });
        await aborted(signal);
      } catch (error) {
        say({ kind: 'not-serving', problem: (error as Error).message });
        process.exitCode = 1;
      } finally {
        await starting.then(
          ({ stop }) => stop(),
          () => {},
        );
      }
    },
    ['SIGTERM'],
  );
  if (process.connected) process.disconnect();
}

function welcomed(): Promise<Welcome> {
  return new Promise((resolve) => {
    process.once('message', (message: ToWorker) => {
      if (message.kind === 'welcome') resolve(message.welcome);
    });
    say({ kind: 'hello' });
  });
}

interface Started {
  readonly worker: RunningWorker;
  stop(): Promise<void>;
}

async function start(welcome: Welcome): Promise<Started> {
  const system = systemFrom(welcome, welcome.written);
  const metrics = new Metrics();
  const otlp = await startOtlpOf(system, 'strangler-gateway', metrics);
  const { startWorker } = await import('../../gateway/worker.ts');
  const logger = createLogger(`gateway worker ${welcome.worker}`);
  const worker = await startWorker(configOf(system, welcome), {
    openLog: async () => openLog(system.logUrl, { logger }),
    logger,
    metrics,
    tracing: otlp?.tracing,
    bypassed: welcome.bypassed,
    tellWrite: (client, waitMs) => say({ kind: 'client-wrote', client, waitMs }),
  });
  const stop = async () => {
    await worker.stop();
    await otlp?.stop();
  };
  return { worker, stop };
}

function systemFrom({ path }: Welcome, written: ReadConfiguration['written']): System {
  const loaded = { configuration: configurationOf(written), path, files: [], homes: {}, written, warnings: [] };
  return systemOf(loaded, readEnvironment());
}

/** Everything is shared with the other workers but the folder for copies. */
function configOf(system: System, { worker }: Welcome): GatewayConfig {
  const config = gatewayConfigOf(system);
  return { ...config, dataDir: join(config.dataDir, 'workers', String(worker)) };
}

async function carryOut(
  message: ToWorker,
  socket: Socket | undefined,
  worker: RunningWorker,
  welcome: Welcome,
): Promise<void> {
  if (message.kind === 'welcome') return;
  const { id } = message;
  if (message.kind === 'connection') {
    if (socket) worker.take(socket);
    say({ kind: 'taken', id });
    return;
  }
  try {
    const answer =
      message.kind === 'question' ? await worker.answer(message.question) : await obey(message.order, worker, welcome);
    say({ kind: 'done', id, answer });
  } catch (error) {
    say({ kind: 'not-done', id, problem: (error as Error).message });
  }
}

function obey(order: WorkerOrder, worker: RunningWorker, welcome: Welcome): Promise<void> {
  if (order.kind !== 'configuration') return worker.obey(order);
  const { written } = order;
  return worker.apply({ config: configOf(systemFrom(welcome, written), welcome), written });
}

/** Whom it was for may be gone: then this process ends too. */
function say(message: FromWorker): void {
  if (process.connected) process.send!(message, () => {});
}
