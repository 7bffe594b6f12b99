import { Metrics } from '../../runtime/metrics.ts';
import { type BridgeStatus, isConnected } from '../status.ts';
import { outcomes } from '../telemetry.ts';

/** What Debezium shows where there is no number yet. */
const unknown = -1;

type Numbers = Readonly<Record<string, number>>;

/**
 * The bridge's numbers under the names that Debezium's JMX exporter gives its own, `debezium_metrics_NAME{plugin,name,context}`, so that its
 * dashboards and alarms show a bridge as they show a connector. Only those that mean the same.
 * https://debezium.io/documentation/reference/stable/connectors/mysql.html#mysql-monitoring
 */
export function debeziumMetrics(flavour: string, status: BridgeStatus): Metrics {
  const metrics = new Metrics();
  const contexts = { streaming: streaming(status), snapshot: snapshot(status) };
  for (const [context, numbers] of Object.entries(contexts)) {
    for (const [name, value] of Object.entries(numbers)) {
      const gauge = metrics.gauge(`debezium_metrics_${name}`, `${name} of Debezium`, ['plugin', 'name', 'context']);
      gauge.set({ plugin: flavour, name: status.name, context }, value);
    }
  }
  return metrics;
}

function streaming({ phase, stream, coverage }: BridgeStatus): Numbers {
  const { transactions, disconnects, behindSourceMs = unknown, sinceLastEventMs = unknown } = stream;
  const [creates, updates, deletes] = [seen(coverage, 'c'), seen(coverage, 'u'), seen(coverage, 'd')];
  return {
    Connected: Number(isConnected(phase)),
    MilliSecondsBehindSource: behindSourceMs,
    MilliSecondsSinceLastEvent: sinceLastEventMs,
    NumberOfCommittedTransactions: transactions,
    NumberOfDisconnects: disconnects,
    TotalNumberOfEventsSeen: creates + updates + deletes,
    TotalNumberOfCreateEventsSeen: creates,
    TotalNumberOfUpdateEventsSeen: updates,
    TotalNumberOfDeleteEventsSeen: deletes,
  };
}

/** Row changes of one operation, whatever became of them. */
function seen(coverage: BridgeStatus['coverage'], op: string): number {
  const entries = coverage.filter((entry) => entry.op === op);
  return entries.reduce((sum, entry) => sum + outcomes.reduce((all, outcome) => all + (entry[outcome] ?? 0), 0), 0);
}

function snapshot({ phase, snapshot, isImporting, position }: BridgeStatus): Numbers {
  const { tables = 0, tablesDone = 0, waitsFor } = snapshot ?? {};
  return {
    SnapshotRunning: Number(isImporting && isConnected(phase)),
    SnapshotPaused: Number(isImporting && waitsFor !== undefined),
    SnapshotCompleted: Number(!isImporting && position !== undefined),
    TotalTableCount: tables,
    RemainingTableCount: tables - tablesDone,
  };
}
