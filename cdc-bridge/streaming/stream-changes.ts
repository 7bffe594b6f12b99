import type { EventLog } from '../../contract/event-log.ts';
import type { BridgeConfig } from '../config.ts';
import { cursorName, formatCursor, type ServerIdentity, type StreamPosition } from '../positions/cursor.ts';
import type { Progress } from '../positions/progress.ts';
import type { ChangeSource, SourceTransaction } from '../source/change-source.ts';
import type { ChangeWriter } from './change-writer.ts';
import { SnapshotWindow } from './snapshot-window.ts';

export interface StreamPorts {
  readonly config: BridgeConfig;
  readonly server: ServerIdentity;
  readonly log: EventLog;
  readonly source: ChangeSource;
  readonly writer: ChangeWriter;
  readonly progress: Progress;
}

/** Follows the source from a stored place until `signal` aborts: one append per batch, with the position behind it. */
export async function streamChanges(ports: StreamPorts, from: StreamPosition, signal: AbortSignal): Promise<void> {
  const { config, server, log, source, writer, progress } = ports;
  const window = new SnapshotWindow(log, config.name, config.tables, from.importedUpTo);
  const cursorAt = ({ position, file, kafka }: SourceTransaction) => ({
    name: cursorName(config.name),
    value: formatCursor({ format: 1, server, progress: { ...from, position, file, ...(kafka && { kafka }) } }),
  });
  progress.pass(from.position);
  for await (const batch of source.follow(from, signal)) {
    await writer.write(batch, cursorAt, window);
    if (signal.aborted) return;
  }
}
