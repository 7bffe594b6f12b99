import { createRequestIds } from '../../gateway/accounting/request-ids.ts';
import { type Identity, startIdentity } from '../../gateway/identity/identity.ts';
import type { ReceivedHead, Reception, Supposition } from '../../gateway/identity/reception.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { configure } from './configure.ts';

/** What a test says of the gateway around identity. */
export interface IdentitySurroundings {
  readonly legacy?: object;
  readonly trustedProxies?: readonly string[];
  readonly dataDir?: string;
  readonly metrics?: Metrics;
  readonly now?: () => number;
}

/** Identity with what stands below the key `identity`, as a user would write it. */
export async function openIdentity(
  written: object,
  { legacy = { url: 'http://127.0.0.1:8000' }, trustedProxies = [], dataDir, metrics, now }: IdentitySurroundings = {},
): Promise<Identity> {
  const listeners = { public: { port: 0, trustedProxies }, admin: { port: 0 } };
  const config = configure({ legacy, identity: written, listeners }, dataDir === undefined ? {} : { dataDir });
  return startIdentity({
    config: config.identity,
    trustedProxies: config.listeners.public.trustedProxies,
    legacy: config.legacy,
    ids: createRequestIds(),
    dataDir: config.dataDir,
    logger: silent,
    metrics: metrics ?? new Metrics(),
    ...(now === undefined ? {} : { now }),
  });
}

/** A request for `shop.example` with these fields. */
export function headOf(fields: Record<string, string>, more: Partial<ReceivedHead> = {}): ReceivedHead {
  const rawHeaders = Object.entries({ Host: 'shop.example', ...fields }).flat();
  return { method: 'GET', url: '/', rawHeaders, remoteAddress: '192.0.2.1', secure: false, ...more };
}

/** How identity reads a request; fails when that takes waiting. */
export function receiveAtOnce(
  identity: Identity,
  fields: Record<string, string>,
  more: Partial<ReceivedHead> = {},
  supposed?: Supposition,
): Reception {
  const reception = identity.receive(headOf(fields, more), supposed);
  if (reception instanceof Promise) throw new Error('found a promise, expected that nothing is waited for');
  return reception;
}
