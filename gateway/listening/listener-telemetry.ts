import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { HandOverReason } from '../forwarding/wire/wire-connection.ts';

/** Why a connection was cut without an answer. */
export type CutReason =
  | 'too-many-connections'
  | 'too-many-from-address'
  | 'untrusted-peer'
  | 'proxy-header'
  | 'tls-handshake'
  | 'client-not-reading'
  | 'too-many-resets'
  | 'http2-protocol';

/** What happens to connections: one function per thing, log line and counter together. None throws. */
export type ListenerTelemetry = ReturnType<typeof createListenerTelemetry>;

/** Registers the listener's metrics. The only labels are reasons of closed lists. */
export function createListenerTelemetry(logger: Logger, metrics: Metrics) {
  const opened = metrics.counter('strangler_connections_total', 'Connections that clients opened.');
  const open = metrics.gauge('strangler_connections_open', 'Connections of clients that are open.');
  const cuts = metrics.counter('strangler_connections_cut_total', 'Connections that were cut without an answer.', [
    'reason',
  ]);
  const handOvers = metrics.counter(
    'strangler_handed_over_total',
    'Connections that wire handed over to the general server, with a request that it does not take.',
    ['why'],
  );
  const validUntil = metrics.gauge(
    'strangler_certificate_expiry_timestamp_seconds',
    'When the first of the certificates in use is no longer valid.',
    [],
    'min',
  );

  return {
    opened(total: number): void {
      opened.inc();
      open.set(total);
    },

    closed(total: number): void {
      open.set(total);
    },

    cut(reason: CutReason, detail: string): void {
      cuts.inc({ reason });
      logger.debug({ reason }, `connection cut: ${detail}`);
    },

    clientNotReading(waitingBytes: number): void {
      cuts.inc({ reason: 'client-not-reading' satisfies CutReason });
      logger.debug({ waitingBytes }, 'connection cut: its client does not read what it asked for');
    },

    handedOver(why: HandOverReason): void {
      handOvers.inc({ why });
    },

    certificatesLoaded({ at, file }: { at: Date; file: string }): void {
      validUntil.set(at.getTime() / 1_000);
      const fields = { validUntil: at.toISOString(), file };
      if (at.getTime() < Date.now()) logger.warn(fields, 'a certificate has expired: clients will refuse it');
      else logger.info(fields, 'certificates are in use');
    },

    certificatesRefused(error: Error): void {
      logger.error({ err: error }, `the changed certificates are not used, the old ones stay: ${error.message}`);
    },
  };
}
