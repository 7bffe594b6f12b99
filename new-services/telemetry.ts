import { formatLogAddress, type LogAddress } from '../contract/log-address.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Outcome, RecordedCommand } from './event-sourcing/handle-command.ts';

const secondsBuckets = [0.001, 0.005, 0.02, 0.1, 0.5, 2];

/** What the services tell the operator: one function per thing that happens, log line and metric together. */
export type ServicesTelemetry = ReturnType<typeof servicesTelemetry>;

export function servicesTelemetry(logger: Logger, metrics: Metrics) {
  const commands = metrics.counter('strangler_commands_total', 'Commands handled, by outcome', ['outcome']);
  const faults = metrics.counter('strangler_services_faults_total', 'Failures that were not an answer', ['where']);
  const requests = metrics.histogram(
    'strangler_services_request_seconds',
    'Time to answer, by route and status',
    ['route', 'status'],
    secondsBuckets,
  );
  const position = metrics.gauge('strangler_projection_offset', 'Offset of the checkpoint', ['projection']);
  const lag = metrics.gauge('strangler_projection_lag_events', 'Events on the log beyond the checkpoint', [
    'projection',
  ]);
  const updates = metrics.gauge('strangler_update_clients', 'Clients that follow /update', ['transport']);
  const cut = metrics.counter('strangler_update_clients_cut_total', 'Clients cut for not reading', ['transport']);

  return {
    commandSettled({ id, action, meta }: RecordedCommand, outcome: Outcome) {
      commands.inc({ outcome: outcome.kind });
      const about = { command: id, action, position: formatLogAddress(meta.address) };
      if (outcome.kind === 'rejected') logger.info({ ...about, reason: outcome.reason }, 'command rejected');
      else logger.debug(about, 'command completed');
    },
    processorFailed(error: unknown) {
      faults.inc({ where: 'command-processor' });
      logger.error({ err: error }, 'the command processor stands still at a command and tries again');
    },
    projectionAdvanced(projection: string, { offset }: LogAddress) {
      position.set({ projection }, offset);
    },
    projectionLag(projection: string, events: number) {
      lag.set({ projection }, events);
    },
    projectionBuilt(projection: string, version: number) {
      logger.info({ projection, version }, 'projection has caught up and is served');
    },
    projectionFailed(projection: string, error: unknown) {
      faults.inc({ where: 'projection' });
      logger.error({ projection, err: error }, 'the projection stands still at an event and tries again');
    },
    requestAnswered(route: string, status: number, seconds: number) {
      requests.observe({ route, status: String(status) }, seconds);
    },
    requestFailed(route: string, requestId: string, error: unknown) {
      faults.inc({ where: 'request' });
      logger.error({ route, requestId, err: error }, 'a request failed');
    },
    updateOpened(transport: UpdateTransport) {
      updates.inc({ transport });
    },
    updateClosed(transport: UpdateTransport) {
      updates.dec({ transport });
    },
    updateCut(transport: UpdateTransport, reason: string) {
      cut.inc({ transport });
      logger.info({ transport, reason }, 'a client of /update was cut');
    },
    updateFailed(transport: UpdateTransport, error: unknown) {
      faults.inc({ where: 'update' });
      logger.error({ transport, err: error }, 'a client of /update was ended; it can resume where it was');
    },
    started(url: string) {
      logger.info({ url }, 'services are listening');
    },
  };
}

/** How a client follows /update. */
export type UpdateTransport = 'sse' | 'websocket';
