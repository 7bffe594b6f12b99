import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { addTallies, emptyTally, type Tally } from '../evidence/tally.ts';
import type { Feature, Segment } from '../flags/feature.ts';
import type { Stage } from '../routing/stage.ts';
import { type MigrationData, readMigrationEvent } from './migration-event.ts';

/** The last move of a route. */
export interface RouteMove {
  readonly from: Stage | null;
  readonly to: Stage;
  readonly by: string;
  readonly reason: string;
  /** ISO 8601 in UTC. */
  readonly at: string;
}

/** The gateway's own state as folded from topic `migration`. Immutable: a change makes a new one. */
export interface JournalState {
  /** Stage by route name, for routes that were ever moved. */
  readonly stages: ReadonlyMap<string, Stage>;
  /** The last move by route name. */
  readonly moves: ReadonlyMap<string, RouteMove>;
  /** The built-in flags by name. */
  readonly flags: ReadonlyMap<string, Feature>;
  /** Segments of the built-in flags by id. */
  readonly segments: ReadonlyMap<number, Segment>;
  /** Offset of the last change of a flag or segment: all of them are the same wherever this is the same. */
  readonly flagsRevision: number;
  /** Evidence by route name. */
  readonly tallies: ReadonlyMap<string, Tally>;
  /** Version by stream of a route, flag or segment, which the next append to it expects. */
  readonly versions: ReadonlyMap<string, number>;
  /** Offset in topic `migration` up to which this is folded, and the id of the event there. */
  readonly offset: number;
  readonly lastEventId: string | undefined;
}

/** Before the first event. */
export const emptyJournal: JournalState = {
  stages: new Map(),
  moves: new Map(),
  flags: new Map(),
  segments: new Map(),
  flagsRevision: 0,
  tallies: new Map(),
  versions: new Map(),
  offset: 0,
  lastEventId: undefined,
};

/** The state after one more event. Pure. Events it cannot read only move the offset: a newer gateway may write to the same log. */
export function foldJournal(state: JournalState, event: RecordedEvent): JournalState {
  const { stream, version, address, occurredAt } = event.meta;
  const moved: JournalState = {
    ...state,
    versions: /^(route|flag|segment)-/.test(stream) ? withEntry(state.versions, stream, version) : state.versions,
    offset: address.offset,
    lastEventId: event.id,
  };
  const read = readMigrationEvent(event);
  if (!read) return moved;
  switch (read.action) {
    case 'route-stage-changed':
      return withMove(moved, read.data, occurredAt);
    case 'flag-changed': {
      const { flag, feature } = read.data;
      return { ...moved, flags: withEntry(moved.flags, flag, feature), flagsRevision: address.offset };
    }
    case 'flag-archived':
      return { ...moved, flags: withoutKey(moved.flags, read.data.flag), flagsRevision: address.offset };
    case 'segment-changed':
      return withSegment(moved, read.data.segment);
    case 'segment-archived':
      return { ...moved, segments: withoutKey(moved.segments, read.data.id), flagsRevision: address.offset };
    case 'shadow-tallied': {
      const { route, delta } = read.data;
      const sum = addTallies(moved.tallies.get(route) ?? emptyTally(), delta);
      return { ...moved, tallies: withEntry(moved.tallies, route, sum) };
    }
    case 'shadow-reset':
      return { ...moved, tallies: withEntry(moved.tallies, read.data.route, emptyTally()) };
    default:
      return read satisfies never;
  }
}

function withMove(state: JournalState, { route, ...move }: MigrationData<'route-stage-changed'>, at: string) {
  return {
    ...state,
    stages: withEntry(state.stages, route, move.to),
    moves: withEntry(state.moves, route, { ...move, at }),
  };
}

/** A segment is new at the offset that the state has just reached, which becomes its id. */
function withSegment(state: JournalState, segment: MigrationData<'segment-changed'>['segment']): JournalState {
  const id = segmentNamed(state, segment.name)?.id ?? state.offset;
  return { ...state, segments: withEntry(state.segments, id, { ...segment, id }), flagsRevision: state.offset };
}

/** The segment of this name, if there is one. */
export function segmentNamed({ segments }: JournalState, name: string): Segment | undefined {
  return [...segments.values()].find((segment) => segment.name === name);
}

function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value);
}

function withoutKey<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
