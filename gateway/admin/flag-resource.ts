import type { Feature, FlagSetting } from '../flags/feature.ts';
import { changeFlag } from '../journal/change-flag.ts';
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
}

/** All flags that exist or are asked for, by name. Throws AdminError `flags-elsewhere`. */
export function listFlags(ports: AdminPorts): FlagView[] {
  requireBuiltIn(ports);
  return allNames(ports).map((name) => viewOf(ports, name));
}

/** One flag. Throws AdminError `unknown-flag` or `flags-elsewhere`. */
export function getFlag(ports: AdminPorts, name: string): FlagView {
  requireBuiltIn(ports);
  requireKnown(ports, name);
  return viewOf(ports, name);
}

/** What to set a flag to, who does it and why. */
export interface FlagWish extends FlagSetting {
  readonly create: boolean;
  readonly by: string;
  readonly reason: string;
}

/**
 * Sets a flag. A name that neither exists nor is asked for is refused unless `create` says that it is meant: a typing error would
 * otherwise make a flag that nobody looks at.
 */
export async function putFlag(ports: AdminPorts, name: string, { create, by, reason, ...setting }: FlagWish) {
  requireBuiltIn(ports);
  if (!create) requireKnown(ports, name);
  if (!/^[\w.~-]{1,100}$/.test(name) || name in Object.prototype) {
    throw new AdminError('invalid-flag-name', `found ${JSON.stringify(name.slice(0, 100))}`);
  }
  const outcome = await changeFlag(ports.journal, { flag: name, setting, by, reason });
  if (outcome.kind === 'refused') throw new AdminError('log-away', `${name}: ${outcome.reason}`);
  if (outcome.kind === 'conflict')
    throw new AdminError('changed-meanwhile', `flag ${name} was changed at the same time`);
  return viewOf(ports, name);
}

function allNames({ journal, flagsInUse }: AdminPorts): string[] {
  return [...new Set([...journal.state.flags.keys(), ...flagsInUse()])].sort();
}

function viewOf({ journal, flagsInUse }: AdminPorts, name: string): FlagView {
  const feature = journal.state.flags.get(name);
  return {
    name,
    enabled: feature?.enabled ?? false,
    known: feature !== undefined,
    inUse: flagsInUse().includes(name),
    strategies: feature?.strategies ?? [],
  };
}

function requireBuiltIn({ unleashUrl }: AdminPorts): void {
  if (unleashUrl !== undefined)
    throw new AdminError('flags-elsewhere', `the flags are kept by Unleash at ${unleashUrl}`);
}

function requireKnown(ports: AdminPorts, name: string): void {
  const names = allNames(ports);
  if (names.includes(name)) return;
  const meant = didYouMean(name, names);
  const hint = meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`;
  throw new AdminError('unknown-flag', `found ${JSON.stringify(name)}${hint}`, meant ? { didYouMean: meant } : {});
}
