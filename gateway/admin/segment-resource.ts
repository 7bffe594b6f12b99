import type { Segment } from '../flags/feature.ts';
import { archiveSegment, type ChangedBy, changeSegment } from '../journal/change-flag.ts';
import { segmentNamed } from '../journal/journal-state.ts';
import { AdminError } from './admin-errors.ts';
import type { AdminPorts } from './admin-ports.ts';
import { requireBuiltIn, requireDone, requireName } from './flag-resource.ts';

/** A segment as `GET /api/segments` shows it. */
export interface SegmentView {
  /** What strategies name it by. */
  readonly id: number;
  readonly name: string;
  readonly constraints: Segment['constraints'];
  /** Flags with a strategy that names it. */
  readonly usedBy: readonly string[];
}

/** What to set a segment to, who does it and why. */
export interface SegmentWish extends ChangedBy {
  readonly constraints: Segment['constraints'];
  readonly description?: string | undefined;
}

/** All segments, by name. Throws AdminError `flags-elsewhere`. */
export function listSegments(ports: AdminPorts): SegmentView[] {
  requireBuiltIn(ports);
  const segments = [...ports.journal.state.segments.values()].map((segment) => viewOf(ports, segment));
  return segments.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** Makes a segment, or changes it for all flags that name it. */
export async function putSegment(ports: AdminPorts, name: string, { by, reason, ...wish }: SegmentWish) {
  requireBuiltIn(ports);
  requireName(name);
  requireDone(name, await changeSegment(ports.journal, { name, ...wish }, { by, reason }));
  return viewOf(ports, requireSegment(ports, name));
}

/** Removes a segment. Refused while a flag names it: the strategy would apply to nobody from then on. */
export async function deleteSegment(ports: AdminPorts, name: string, who: ChangedBy): Promise<{ archived: string }> {
  requireBuiltIn(ports);
  const segment = requireSegment(ports, name);
  const { usedBy } = viewOf(ports, segment);
  if (usedBy.length > 0) throw new AdminError('segment-in-use', `${name} is named by ${usedBy.join(', ')}`);
  requireDone(name, await archiveSegment(ports.journal, segment, who));
  return { archived: name };
}

function requireSegment({ journal }: AdminPorts, name: string): Segment {
  const segment = segmentNamed(journal.state, name);
  if (!segment) throw new AdminError('unknown-segment', `found ${JSON.stringify(name.slice(0, 100))}`);
  return segment;
}

function viewOf({ journal }: AdminPorts, { id, name, constraints }: Segment): SegmentView {
  const users = [...journal.state.flags.values()].filter(({ strategies }) =>
    strategies.some(({ segments }) => segments?.includes(id)),
  );
  return { id, name, constraints, usedBy: users.map((flag) => flag.name).sort() };
}
