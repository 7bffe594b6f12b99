import type { Metrics } from '../../runtime/metrics.ts';
import { type BridgeStatus, isConnected } from '../status.ts';

/** A number of the status; undefined while nobody can tell. */
interface HealthGauge {
  readonly name: string;
  readonly help: string;
  readonly read: (status: BridgeStatus) => number | undefined;
}

/** Where Debezium has a name for the same, the help begins with it. */
const gauges: readonly HealthGauge[] = [
  {
    name: 'strangler_bridge_connected',
    help: 'Connected: 1 while changes come in',
    read: ({ phase }) => Number(isConnected(phase)),
  },
  {
    name: 'strangler_bridge_lag_seconds',
    help: 'Age of the newest transaction that has passed while others wait, 0 when none does',
    read: ({ lagMs }) => seconds(lagMs),
  },
  {
    name: 'strangler_bridge_lag_transactions',
    help: 'Transactions of the binlog that have not passed',
    read: ({ lagTransactions }) => lagTransactions,
  },
  {
    name: 'strangler_bridge_behind_source_seconds',
    help: 'MilliSecondsBehindSource: age of the newest row change when it was on the log',
    read: ({ stream }) => seconds(stream.behindSourceMs),
  },
  {
    name: 'strangler_bridge_since_last_event_seconds',
    help: 'MilliSecondsSinceLastEvent: time since the newest row change was on the log',
    read: ({ stream }) => seconds(stream.sinceLastEventMs),
  },
  {
    name: 'strangler_bridge_purge_distance_seconds',
    help: 'How long at least the server keeps what has not passed; 0 when it is gone',
    read: ({ purge }) => (purge?.isPurged ? 0 : seconds(purge?.leftMs)),
  },
  {
    name: 'strangler_bridge_purge_distance_files',
    help: 'Binlog files that are purged before the one being read',
    read: ({ purge }) => purge?.filesBefore,
  },
];

/** Registers what is read from the bridge's status whenever somebody asks for metrics. */
export function registerHealthMetrics(metrics: Metrics, status: () => Promise<BridgeStatus>): void {
  for (const { name, help, read } of gauges) {
    metrics.measured(name, help, async () => {
      const value = read(await status());
      return value === undefined ? [] : [{ labels: {}, value }];
    });
  }
  metrics.counted(
    'strangler_bridge_transactions_total',
    'NumberOfCommittedTransactions: transactions that have passed',
    async () => [{ labels: {}, value: (await status()).stream.transactions }],
  );
}

function seconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : milliseconds / 1_000;
}
