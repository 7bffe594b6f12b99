import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { Feature, FlagSetting } from '../flags/feature.ts';
import type { FlagUse } from '../flags/flag-uses.ts';
import { archiveFlag, type ChangedBy, changeFlag, type FlagOutcome, flagStream } from '../journal/change-flag.ts';
import { readMigrationEvent } from '../journal/migration-event.ts';
import { sumUses } from '../workers/merge.ts';
import type { WorkerReport } from '../workers/workers.ts';
import { AdminError } from './admin-errors.ts';
import type { AdminPorts } from './admin-ports.ts';
import { didYouMean } from './did-you-mean.ts';

/** A flag as `GET /api/flags` shows it. */
export interface FlagView {
  readonly name: string;
  readonly enabled: boolean;
  /** False: a split asks for it but nobody ever set it, so it is off. */
  readonly known: boolean;
  /** Whether a split asks for it. */
  readonly inUse: boolean;
  /** Unleash's strategies; with none, an enabled flag is on for everybody. */
  readonly strategies: Feature['strategies'];
  readonly variants: NonNullable<Feature['variants']>;
  readonly dependencies: NonNullable<Feature['dependencies']>;
  /** Since this gateway's start, by it and by SDKs that told it; undefined: nobody asked. */
  readonly use: FlagUse | undefined;
}

/** One change of a flag. */
export interface FlagChange extends ChangedBy {
  /** ISO 8601 in UTC. */
  readonly at: string;
  /** What it was set to; undefined: it was archived. */
  readonly feature: Feature | undefined;
}

/** All flags that exist or are asked for, by name. Throws AdminError `flags-elsewhere`. */
export async function listFlags(ports: AdminPorts): Promise<FlagView[]> {
  requireBuiltIn(ports);
  const reports = await ports.workers.ask('report');
  return allNames(ports).map((name) => viewOf(ports, name, reports));
}

/** One flag. Throws AdminError `unknown-flag` or `flags-elsewhere`. */
export async function getFlag(ports: AdminPorts, name: string): Promise<FlagView> {
  requireBuiltIn(ports);
  requireKnown(ports, name);
  return viewOf(ports, name, await ports.workers.ask('report'));
}

/** Who changed a flag when, why and to what, the last change first; of one that was archived too. */
export async function flagHistory(ports: AdminPorts, name: string): Promise<FlagChange[]> {
  requireBuiltIn(ports);
  const { journal } = ports;
  const events = await journal.history(flagStream(name));
  if (!events) throw new AdminError('log-away', `${name}: ${journal.status().detail}`);
  if (events.length === 0) requireKnown(ports, name);
  return events.flatMap((event) => changeOf(event) ?? []).reverse();
}

/** What to set a flag to, who does it and why. */
export interface FlagWish extends FlagSetting, ChangedBy {
  readonly create: boolean;
}

/**
 * Sets a flag. A name that neither exists nor is asked for is refused unless `create` says that it is meant: a typing error would
 * otherwise make a flag that nobody looks at.
 */
export async function putFlag(ports: AdminPorts, name: string, { create, by, reason, ...setting }: FlagWish) {
  requireBuiltIn(ports);
  if (!create) requireKnown(ports, name);
  requireName(name);
  requireSegments(ports, setting);
  requireDependencies(ports, name, setting.dependencies ?? []);
  requireDone(name, await changeFlag(ports.journal, { flag: name, setting, by, reason }));
  return viewOf(ports, name, await ports.workers.ask('report'));
}

/** Removes a flag. Refused while a split or another flag asks for it: it would be off for them from then on. */
export async function deleteFlag(ports: AdminPorts, name: string, who: ChangedBy): Promise<{ archived: string }> {
  requireBuiltIn(ports);
  const { flags } = ports.journal.state;
  if (ports.flagsInUse().includes(name)) throw new AdminError('flag-in-use', `a route's split asks for ${name}`);
  if (!flags.has(name)) requireKnown(ports, name);
  const child = [...flags.values()].find(({ dependencies }) => dependencies?.some(({ feature }) => feature === name));
  if (child) throw new AdminError('flag-in-use', `flag ${child.name} depends on ${name}`);
  requireDone(name, await archiveFlag(ports.journal, name, who));
  return { archived: name };
}

/** Throws AdminError `flags-elsewhere`. */
export function requireBuiltIn({ unleashUrl }: AdminPorts): void {
  if (unleashUrl !== undefined)
    throw new AdminError('flags-elsewhere', `the flags are kept by Unleash at ${unleashUrl}`);
}

/** Throws AdminError `invalid-flag-name`. */
export function requireName(name: string): void {
  if (!/^[\w.~-]{1,100}$/.test(name) || name in Object.prototype)
    throw new AdminError('invalid-flag-name', `found ${JSON.stringify(name.slice(0, 100))}`);
}

/** Throws AdminError `log-away` or `changed-meanwhile` for a change that was not made. */
export function requireDone(name: string, outcome: FlagOutcome): void {
  if (outcome.kind === 'refused') throw new AdminError('log-away', `${name}: ${outcome.reason}`);
  if (outcome.kind === 'conflict') throw new AdminError('changed-meanwhile', `${name} was changed at the same time`);
}

function allNames({ journal, flagsInUse }: AdminPorts): string[] {
  return [...new Set([...journal.state.flags.keys(), ...flagsInUse()])].sort();
}

function viewOf({ journal, flags, flagsInUse }: AdminPorts, name: string, reports: readonly WorkerReport[]): FlagView {
  const feature = journal.state.flags.get(name);
  return {
    name,
    enabled: feature?.enabled ?? false,
    known: feature !== undefined,
    inUse: flagsInUse().includes(name),
    strategies: feature?.strategies ?? [],
    variants: feature?.variants ?? [],
    dependencies: feature?.dependencies ?? [],
    use: sumUses([flags.uses.of(name), ...reports.map(({ uses }) => uses[name])]),
  };
}

function changeOf(event: RecordedEvent): FlagChange | undefined {
  const read = readMigrationEvent(event);
  const at = event.meta.occurredAt;
  switch (read?.action) {
    case 'flag-changed':
      return { at, by: read.data.by, reason: read.data.reason, feature: read.data.feature };
    case 'flag-archived':
      return { at, by: read.data.by, reason: read.data.reason, feature: undefined };
    default:
      return undefined;
  }
}

function requireSegments({ journal }: AdminPorts, { strategies }: FlagSetting): void {
  const ids = (strategies ?? []).flatMap(({ segments }) => segments ?? []);
  const missing = ids.find((id) => !journal.state.segments.has(id));
  if (missing !== undefined) throw new AdminError('unknown-segment', `found the segment id ${missing}`);
}

/** As in Unleash a flag may depend on flags that depend on none. */
function requireDependencies({ journal }: AdminPorts, name: string, wanted: readonly { feature: string }[]): void {
  const { flags } = journal.state;
  const deep = wanted.find(({ feature }) => feature === name || flags.get(feature)?.dependencies?.length);
  if (deep) throw new AdminError('nested-dependency', `found ${name} depending on ${deep.feature}`);
  const missing = wanted.find(({ feature }) => !flags.has(feature));
  if (missing) throw new AdminError('unknown-flag', `found ${name} depending on ${JSON.stringify(missing.feature)}`);
  const child = [...flags.values()].find(({ dependencies }) => dependencies?.some(({ feature }) => feature === name));
  if (child && wanted.length > 0)
    throw new AdminError('nested-dependency', `found ${child.name} depending on ${name}, which would depend on others`);
}

function requireKnown(ports: AdminPorts, name: string): void {
  const names = allNames(ports);
  if (names.includes(name)) return;
  const meant = didYouMean(name, names);
  const hint = meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`;
  throw new AdminError('unknown-flag', `found ${JSON.stringify(name)}${hint}`, meant ? { didYouMean: meant } : {});
}
