import type { LogError } from '../../contract/event-log.ts';
import { BridgeError } from '../errors.ts';

/** By whom the lease is held, and until when it is at least (ISO 8601 in UTC). */
export interface Held {
  readonly holder: string;
  readonly until: string;
}

/** What an append or a renewal under an old lease comes to. */
export function takenOver(cause: LogError): BridgeError {
  return new BridgeError('fenced', `another bridge has taken over: ${cause.message}`, { cause });
}
