import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';

/** What happens to workers. */
export type CrewTelemetry = ReturnType<typeof crewTelemetry>;

/** Registers the counter of ends. */
export function crewTelemetry(logger: Logger, metrics: Metrics) {
  const ends = metrics.counter('strangler_worker_ends_total', 'Workers that ended unasked and were started again.', [
    'worker',
  ]);
  return {
    serving(workers: number, publicUrl: string): void {
      logger.info({ workers, publicUrl }, `${workers} workers serve`);
    },
    ended(worker: number, detail: string, pauseMs: number): void {
      ends.inc({ worker: String(worker) });
      logger.error({ worker, detail }, `a worker has ended; it is started again in ${pauseMs} ms`);
    },
    killed(worker: number, pid: number | undefined, reason: string): void {
      logger.error({ worker, pid, reason }, 'a worker does not do as it is told: it is ended');
    },
    disobeyed(worker: number, order: string, problem: string): void {
      logger.warn({ worker, order, problem }, 'a worker could not do as it was told');
    },
  };
}
