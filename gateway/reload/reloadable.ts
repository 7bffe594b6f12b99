import { gatewayCapability, gatewayLegacy } from '../config.ts';
import type { KeyPath } from './changed-keys.ts';

/**
 * Whether a running gateway can take over another value of a key. Everything else is built into something that stays: a port, the log, the
 * processes, other parts of the system; or would move everybody to another unit (identity.salt).
 */
export function isReloadable([top, second, third]: KeyPath): boolean {
  switch (top) {
    case 'legacy':
      return second !== undefined && Object.hasOwn(gatewayLegacy, second);
    case 'capabilities':
      return third !== undefined && Object.hasOwn(gatewayCapability, third);
    case 'defaults':
      return second !== undefined && Object.hasOwn(gatewayCapability, second);
    case 'identity':
      return second !== 'salt';
    case 'routing':
      return true;
    case 'listeners':
      return second === 'public' && third === 'trustedProxies';
    default:
      return false;
  }
}
