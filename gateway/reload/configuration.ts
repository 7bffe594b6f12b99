import type { GatewayConfig } from '../config.ts';

/** A configuration as it was read: what it means to the gateway, and what was written, other parts' keys included. */
export interface ReadConfiguration {
  readonly config: GatewayConfig;
  /** All files in one, variables filled in; `{legacy: {url: 'http://…'}, capabilities: {…}}` */
  readonly written: Readonly<Record<string, unknown>>;
}

/** Where the configuration comes from, to be read again. */
export interface ConfigurationSource {
  /** What the gateway was started with. */
  readonly written: ReadConfiguration['written'];
  /** Reads and checks it. Every problem at once, a sentence each, when it cannot be used. Never throws. */
  read(): ReadConfiguration | { readonly problems: readonly string[] };
}

/** What came of reading the configuration again. */
export type ReloadOutcome =
  | { readonly kind: 'unchanged' }
  /** Requests that begin now go by the new one. `changed`: keys such as `capabilities.shipments.split`. */
  | { readonly kind: 'reloaded'; readonly changed: readonly string[] }
  /** The one before goes on. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** Which configuration runs. */
export interface ConfigurationStatus {
  /** Since when; ISO 8601 in UTC. */
  readonly since: string;
  /** What stands in the files cannot be used. */
  readonly refused?: { readonly since: string; readonly problems: readonly string[] };
}
