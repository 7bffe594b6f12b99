import type { UpstreamConfig } from '../forwarding/config.ts';
import { Asker } from '../shadow/ask.ts';
import { type AskLegacy, maxLookUps } from './session-users.ts';

/** No name of a user is longer, whatever stands around it. */
const maxBodyBytes = 64 * 1024;

/** Look-ups' own connections to legacy: clients never wait for one of them. */
export interface LegacyAsker {
  readonly ask: AskLegacy;
  /** Cuts what is open. */
  stop(): void;
}

export function openLegacyAsker(legacy: UpstreamConfig): LegacyAsker {
  const asker = new Asker(maxLookUps);
  const ended = new AbortController();
  return {
    ask: (target, headers, deadlineMs) =>
      asker.ask('GET', { upstream: legacy, target, headers }, { deadlineMs, maxBodyBytes, signal: ended.signal }),
    stop() {
      ended.abort();
      asker.stop();
    },
  };
}
