import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Journal } from '../journal/journal.ts';
import { builtInFlags } from './built-in-flags.ts';
import type { Flags } from './flag-uses.ts';
import { flagsTelemetry } from './flags-telemetry.ts';
import { unleashFlags } from './unleash-flags.ts';

/** What flags stand on. */
export interface FlagPorts {
  /** A real Unleash by URL and token; undefined: the built-in flags. */
  readonly unleash: { readonly url: string; readonly token: string } | undefined;
  readonly journal: Journal;
  readonly dataDir: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The source of flags that the configuration names. Never rejects: a server that is away means the last good copy, else all flags off. */
export async function startFlags({ unleash, journal, dataDir, logger, metrics }: FlagPorts): Promise<Flags> {
  const telemetry = flagsTelemetry(logger, metrics);
  return unleash ? unleashFlags({ ...unleash, dataDir, telemetry }) : builtInFlags(journal, telemetry);
}
