import { type FlagSetting, featureOf, type Segment, type SegmentDefinition } from '../flags/feature.ts';
import type { Journal, JournalEntry, RecordOutcome } from './journal.ts';

/** Who changes a flag, and why. */
export interface ChangedBy {
  readonly by: string;
  readonly reason: string;
}

/** A wish to change a built-in flag. */
export interface FlagRequest extends ChangedBy {
  readonly flag: string;
  readonly setting: FlagSetting;
}

export type FlagOutcome =
  | { readonly kind: 'changed' | 'conflict' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Creates or changes a built-in flag for every gateway on the log; when it answers `changed`, the very next request goes by it. */
export function changeFlag(journal: Journal, { flag, setting, by, reason }: FlagRequest): Promise<FlagOutcome> {
  const feature = featureOf(flag, setting, journal.state.flags.get(flag));
  return change(journal, { stream: flagStream(flag), action: 'flag-changed', data: { flag, feature, by, reason } });
}

/** Removes a built-in flag for every gateway on the log: from then on it is unknown, so off. */
export function archiveFlag(journal: Journal, flag: string, { by, reason }: ChangedBy): Promise<FlagOutcome> {
  return change(journal, { stream: flagStream(flag), action: 'flag-archived', data: { flag, by, reason } });
}

/** Creates or changes a segment; flags that name it go by it with the very next request. */
export function changeSegment(
  journal: Journal,
  segment: SegmentDefinition,
  { by, reason }: ChangedBy,
): Promise<FlagOutcome> {
  const stream = segmentStream(segment.name);
  return change(journal, { stream, action: 'segment-changed', data: { segment, by, reason } });
}

/** Removes a segment. */
export function archiveSegment(
  journal: Journal,
  { id, name }: Segment,
  { by, reason }: ChangedBy,
): Promise<FlagOutcome> {
  const data = { id, name, by, reason };
  return change(journal, { stream: segmentStream(name), action: 'segment-archived', data });
}

/** The stream of a flag's events. */
export const flagStream = (flag: string): string => `flag-${flag}`;
const segmentStream = (name: string): string => `segment-${name}`;

type FlagAction = 'flag-changed' | 'flag-archived' | 'segment-changed' | 'segment-archived';

async function change<Action extends FlagAction>(
  journal: Journal,
  entry: Omit<JournalEntry<Action>, 'expect'>,
): Promise<FlagOutcome> {
  const expect = journal.state.versions.get(entry.stream) ?? 'none';
  const outcome: RecordOutcome = await journal.record({ ...entry, expect });
  return outcome.kind === 'recorded' ? { kind: 'changed' } : outcome;
}
