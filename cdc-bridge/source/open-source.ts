import type { BridgeConfig } from '../config.ts';
import type { Condition } from '../status.ts';
import type { Telemetry } from '../telemetry.ts';
import { binlogSource } from './binlog/binlog-source.ts';
import type { ChangeSource } from './change-source.ts';
import { type DebeziumTelemetry, debeziumSource } from './debezium/debezium-source.ts';
import type { LegacyDatabase } from './legacy-database.ts';
import { type OnLost, reconnecting } from './reconnecting.ts';

/** What a source stands on, and whom it tells. */
export interface SourcePorts {
  readonly config: BridgeConfig['database'];
  readonly database: LegacyDatabase;
  readonly telemetry: Telemetry;
  readonly condition: Condition;
  /** Told at each connection that stands. */
  readonly connected: () => void;
  readonly onLost: OnLost;
}

/** The source that the configuration names: the binlog itself, or the topics of a Debezium. It reads on after a lost connection. */
export function openSource({ config, database, telemetry, condition, connected, onLost }: SourcePorts): ChangeSource {
  const once = config.topics
    ? debeziumSource(config.topics, database, config.maxHeld, { connected, ...topicsTelemetry(telemetry, condition) })
    : binlogSource(database, config, connected);
  return reconnecting(once, onLost);
}

function topicsTelemetry(telemetry: Telemetry, condition: Condition): Pick<DebeziumTelemetry, 'altered' | 'silent'> {
  return {
    altered: telemetry.topicsAltered,
    silent(forMs) {
      if (forMs === undefined) {
        delete condition.connectorSilentMs;
        telemetry.connectorHeard();
      } else {
        condition.connectorSilentMs = forMs;
        telemetry.connectorSilent(forMs);
      }
    },
  };
}
