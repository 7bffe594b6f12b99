import { type FlagSetting, featureOf } from '../flags/feature.ts';
import type { Journal } from './journal.ts';

/** A wish to change a built-in flag. */
export interface FlagRequest {
  readonly flag: string;
  readonly setting: FlagSetting;
  readonly by: string;
  readonly reason: string;
}

export type FlagOutcome =
  | { readonly kind: 'changed' | 'conflict' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Creates or changes a built-in flag for every gateway on the log; when it answers `changed`, the very next request goes by it. */
export async function changeFlag(journal: Journal, { flag, setting, by, reason }: FlagRequest): Promise<FlagOutcome> {
  const stream = `flag-${flag}`;
  const { flags, versions } = journal.state;
  const outcome = await journal.record({
    stream,
    expect: versions.get(stream) ?? 'none',
    action: 'flag-changed',
    data: { flag, feature: featureOf(flag, setting, flags.get(flag)), by, reason },
  });
  return outcome.kind === 'recorded' ? { kind: 'changed' } : outcome;
}
