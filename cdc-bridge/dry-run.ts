import type { EventLog } from '../contract/event-log.ts';
import type { JsonObject } from '../contract/json.ts';
import { historyOf } from '../contract/log-address.ts';
import type { RecordedEvent } from '../contract/recorded-event.ts';
import { type JsonDifference, jsonDifferences } from './mapping/json-difference.ts';
import type { Mapping } from './mapping/mapping.ts';
import type { TransactionStep } from './row-changes/raw-transaction.ts';
import { type Addressed, changeEvent } from './streaming/legacy-event.ts';

/** An event that only one side has. */
export interface LoneEvent {
  readonly id: string;
  readonly action: string;
  readonly stream: string;
  readonly position: string;
  readonly data: JsonObject;
}

/** An event that both sides have, but not alike. */
export interface ChangedEvent {
  readonly id: string;
  readonly action: string;
  readonly stream: string;
  readonly position: string;
  /** In `stream`, `schema`, or `data/…`. */
  readonly differences: readonly JsonDifference[];
}

/** What a mapping makes of recorded changes, and how that differs from what is on the log. */
export interface DryRun {
  readonly transactions: number;
  readonly rows: number;
  /** Event → how many the mapping gives. */
  readonly events: Readonly<Record<string, number>>;
  /** Reason → how many changes would be parked. */
  readonly parked: Readonly<Record<string, number>>;
  /** Row changes that give no event, by what the mapping says of them. */
  readonly ignored: number;
  readonly unmapped: number;
  readonly same: number;
  /** The mapping gives them, the log has them not. */
  readonly added: readonly LoneEvent[];
  /** The log has them, the mapping gives them not. */
  readonly missing: readonly LoneEvent[];
  readonly changed: readonly ChangedEvent[];
}

/** What was recorded and how it is mapped. */
export interface DryRunInput {
  /** In their order; their rows have passed the shield. */
  readonly transactions: AsyncIterable<TransactionStep>;
  readonly mapping: Mapping;
  /** Goes into the ids, so that events of the same change are known again. */
  readonly bridge: string;
  /** What there is today; left out where there is no log to compare with. */
  readonly log?: Pick<EventLog, 'read' | 'head'>;
}

const pageSize = 1_000;

interface Counts {
  transactions: number;
  rows: number;
  ignored: number;
  unmapped: number;
  readonly events: Map<string, number>;
  readonly parked: Map<string, number>;
}

/**
 * Maps recorded changes without writing anything, and compares the events with those on the log by their ids. An event whose rule has another name
 * has another id, so it is both added and missing. Holds the events of all that was recorded in memory.
 */
export async function dryRun({ transactions, mapping, bridge, log }: DryRunInput): Promise<DryRun> {
  const counts: Counts = { transactions: 0, rows: 0, ignored: 0, unmapped: 0, events: new Map(), parked: new Map() };
  const expected = new Map<string, Addressed>();
  const recorded = new Set<string>();
  for await (const transaction of transactions) {
    recorded.add(transaction.name);
    for (const event of eventsOf(transaction, mapping, bridge, counts)) expected.set(event.event.id, event);
  }
  const compared = log ? await compare(log, recorded, expected) : { same: 0, missing: [], changed: [] };
  const { events, parked, ...sums } = counts;
  return {
    ...sums,
    events: Object.fromEntries(events),
    parked: Object.fromEntries(parked),
    ...compared,
    added: log ? [...expected.values()].map(loneOf) : [],
  };
}

function* eventsOf(
  transaction: TransactionStep,
  mapping: Mapping,
  bridge: string,
  counts: Counts,
): Generator<Addressed> {
  const { rows, piece, covered, unsettled } = transaction;
  counts.transactions += (piece?.index ?? 0) === 0 ? 1 : 0;
  for (const [index, mapped] of mapping.of(rows, piece === undefined).entries()) {
    const change = rows[index]!;
    if (covered?.has(change)) continue;
    counts.rows += 1;
    if (mapped.kind === 'unclear') add(counts.parked, mapped.reason);
    else if (mapped.kind !== 'mapped') counts[mapped.kind] += 1;
    else if (unsettled !== undefined) add(counts.parked, 'unsettled-transaction');
    else
      for (const event of mapped.events) {
        add(counts.events, event.action);
        yield changeEvent(bridge, transaction, change, event);
      }
  }
}

/** Takes out of `expected` what the log has; events of other changes than the recorded ones do not count. */
async function compare(
  log: Pick<EventLog, 'read' | 'head'>,
  recorded: ReadonlySet<string>,
  expected: Map<string, Addressed>,
) {
  let same = 0;
  const missing: LoneEvent[] = [];
  const changed: ChangedEvent[] = [];
  for await (const found of domainEvents(log)) {
    if (found.meta.origin !== 'legacy-cdc' || !recorded.has(found.meta.position ?? '')) continue;
    const wanted = expected.get(found.id);
    expected.delete(found.id);
    if (!wanted) {
      missing.push(loneOf({ stream: found.meta.stream, event: found }));
      continue;
    }
    const differences = differencesBetween(found, wanted);
    if (differences.length === 0) same += 1;
    else changed.push({ ...placeOf(wanted), differences });
  }
  return { same, missing, changed };
}

async function* domainEvents(log: Pick<EventLog, 'read' | 'head'>): AsyncGenerator<RecordedEvent> {
  const current = historyOf(await log.head('domain'));
  for (let after = 0; ; ) {
    const page = await log.read(current, after, pageSize);
    yield* page;
    if (page.length < pageSize) return;
    after = page.at(-1)!.meta.address.offset;
  }
}

function differencesBetween(found: RecordedEvent, { stream, event }: Addressed): JsonDifference[] {
  const told = (of: { action: string; data: JsonObject; meta: { schema: number } }, at: string): JsonObject => ({
    action: of.action,
    stream: at,
    schema: of.meta.schema,
    data: of.data,
  });
  return jsonDifferences(told(found, found.meta.stream), told(event, stream));
}

function placeOf({ stream, event }: Addressed): Omit<LoneEvent, 'data'> {
  return { id: event.id, action: event.action, stream, position: event.parent };
}

function loneOf(event: Addressed): LoneEvent {
  return { ...placeOf(event), data: event.event.data };
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
