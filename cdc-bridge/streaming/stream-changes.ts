import type { EventLog } from '../../contract/event-log.ts';
import type { BridgeConfig } from '../config.ts';
import type { StreamCounts } from '../health/stream-counts.ts';
import type { KnownRows } from '../known-rows/known-rows.ts';
import { Recheck } from '../known-rows/recheck.ts';
import type { ParkedChanges } from '../parking/parked-changes.ts';
import { Turns } from '../parking/turns.ts';
import { cursorName, formatCursor, type ServerIdentity, type StreamPosition } from '../positions/cursor.ts';
import type { Progress, SnapshotState } from '../positions/progress.ts';
import { type ChangeSource, resumePoint, type SourceTransaction } from '../source/change-source.ts';
import type { LegacyDatabase } from '../source/legacy-database.ts';
import type { Telemetry } from '../telemetry.ts';
import { together } from '../together.ts';
import type { ChangeWriter, Place } from './change-writer.ts';
import { type ImportPorts, importedTables, importTables, resumeImport } from './import-snapshot.ts';
import { type FlowPlace, LiveSnapshot } from './live-snapshot.ts';
import { SnapshotReport } from './snapshot-report.ts';

export interface StreamPorts {
  readonly config: BridgeConfig;
  readonly server: ServerIdentity;
  readonly database: LegacyDatabase;
  readonly source: ChangeSource;
  readonly writer: ChangeWriter;
  readonly log: EventLog;
  readonly known: KnownRows;
  readonly parked: ParkedChanges;
  /** Turns of those who write beside the stream. */
  readonly turns: Turns;
  readonly progress: Progress;
  readonly counts: StreamCounts;
  readonly telemetry: Telemetry;
  readonly onSnapshot: (state: SnapshotState) => void;
  /** Told when every mapped table is imported. */
  readonly onImported: () => void;
}

/**
 * Follows the source from a stored place until `signal` aborts. Imports meanwhile the tables that are not imported yet, then reads tables again when
 * that is asked for.
 */
export async function streamChanges(ports: StreamPorts, stored: StreamPosition, signal: AbortSignal): Promise<void> {
  const from = withoutLeftTables(ports, stored);
  const flow = new Flow(ports, from);
  if (from.current) await flow.resume(from.current, signal);
  await together(
    signal,
    (inner) => flow.stream(inner),
    (inner) => flow.readTables(inner),
  );
}

/** A table that is not mapped any more counts as imported, however far it was, and the log is told which those are. */
function withoutLeftTables({ config, telemetry }: StreamPorts, stored: StreamPosition): StreamPosition {
  const mapped = importedTables(config.tables);
  const { current, ...from } = stored;
  const isCurrentMapped = current !== undefined && mapped.includes(current.table);
  const imported = current && !isCurrentMapped ? [...stored.imported, current.table] : stored.imported;
  const left = imported.filter((table) => !mapped.includes(table));
  if (left.length > 0) telemetry.tablesLeft(left);
  return { ...from, imported, ...(isCurrentMapped && { current }) };
}

/** The one way to the log: transactions as the source gives them, and between them chunks while tables are imported. */
class Flow {
  readonly live: LiveSnapshot;
  readonly #ports: StreamPorts;
  readonly #from: StreamPosition;
  readonly #turns = new Turns();
  readonly #importing: ImportPorts;
  readonly #recheck: Recheck;
  /** The last transaction that is on the log. */
  #last: SourceTransaction | undefined;

  constructor(ports: StreamPorts, from: StreamPosition) {
    this.#ports = ports;
    this.#from = from;
    this.live = new LiveSnapshot(
      from,
      importedTables(ports.config.tables),
      (steps, place) => this.#write(steps, place),
      (why) => ports.telemetry.chunkGivenUp(why),
    );
    const { config, database, telemetry, progress, onSnapshot, log, known, parked, turns } = ports;
    const report = new SnapshotReport(progress, telemetry, onSnapshot);
    this.#importing = { config, database, telemetry, report, live: this.live, flow: this.#turns };
    this.#recheck = new Recheck({
      ...this.#importing,
      log,
      known,
      parked,
      turns,
      position: () => this.#last?.position ?? from.position,
      tell: (state) => ports.writer.look(state, this.#placeOf({ last: this.#last, ...this.live.reached })),
    });
  }

  async stream(signal: AbortSignal): Promise<void> {
    const { source, writer, progress } = this.#ports;
    progress.isImporting = this.live.remaining.length > 0;
    await this.#turns.take(() => writer.moveTo(this.#placeOf({ last: undefined, ...this.live.reached })));
    progress.pass(this.#from.position, this.#from.committedAt, this.#from.file?.name);
    for await (const batch of source.follow(this.#from, signal)) {
      if (this.live.remaining.length > 0) await this.#turns.take(() => this.live.pass(batch));
      else await this.#turns.take(() => this.#writeBatch(batch));
      if (signal.aborted) return;
    }
  }

  resume(current: NonNullable<StreamPosition['current']>, signal: AbortSignal): Promise<void> {
    return resumeImport(this.#importing, current, signal);
  }

  /** Imports what is not imported yet, then answers requests to read tables again. */
  async readTables(signal: AbortSignal): Promise<void> {
    if (this.live.remaining.length > 0) await this.#import(signal);
    if (!signal.aborted) await this.#recheck.run(signal);
  }

  async #import(signal: AbortSignal): Promise<void> {
    const { telemetry, progress, onImported } = this.#ports;
    telemetry.snapshotStarted(this.#from.position, this.live.remaining);
    this.#importing.report.start('initial', this.live.remaining.length);
    await importTables(this.#importing, signal);
    if (signal.aborted) return;
    progress.isImporting = false;
    telemetry.snapshotFinished(progress.snapshot?.rows ?? 0);
    onImported();
  }

  async #writeBatch(batch: readonly SourceTransaction[]): Promise<void> {
    await this.#write(batch, { last: batch.at(-1), ...this.live.reached });
    await this.#recheck.passed(batch);
  }

  async #write(steps: Parameters<ChangeWriter['write']>[0], place: FlowPlace): Promise<void> {
    const { writer, progress, counts } = this.#ports;
    const stored = this.#placeOf(place);
    await writer.write(steps, stored);
    this.#last = place.last ?? this.#last;
    counts.wrote(steps, Date.now());
    progress.pass(stored.position, stored.committedAt, place.last?.file.name);
  }

  #placeOf({ last, imported, current }: FlowPlace): Place {
    const { config, server } = this.#ports;
    const { known, skippedFor } = this.#from;
    const at = last ? streamedTo(last) : withoutImport(this.#from);
    return {
      position: at.position,
      ...(last && { committedAt: last.committedAt }),
      cursor: (groups) => {
        const progress: StreamPosition = {
          ...at,
          imported: [...imported],
          ...(known && { known }),
          ...(skippedFor === undefined ? {} : { skippedFor }),
          groups: groups.map(([...group]) => group),
        };
        if (current) progress.current = current;
        return { name: cursorName(config.name), value: formatCursor({ format: 1, server, progress }) };
      },
    };
  }
}

function streamedTo(last: SourceTransaction): Omit<StreamPosition, 'imported'> {
  const { kafka, ...place } = resumePoint(last);
  const { committedAt, piece, name } = last;
  return {
    phase: 'streaming',
    ...place,
    committedAt,
    ...(piece && !piece.last && { unfinished: name }),
    ...(kafka && { kafka: { ...kafka } }),
  };
}

function withoutImport({ current: _current, ...from }: StreamPosition): Omit<StreamPosition, 'imported'> {
  return from;
}
