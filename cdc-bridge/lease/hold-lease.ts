import { BridgeError } from '../errors.ts';
import { together } from '../together.ts';
import type { Held } from './another-bridge.ts';
import { BridgeLease, type LeasePorts } from './bridge-lease.ts';

/** Does a piece of work in the place of a bridge, under its lease. Throws BridgeError `bridge-at-work` when that bridge, or such work, is running. */
export async function holdLease<T>(ports: LeasePorts, work: (lease: BridgeLease) => Promise<T>): Promise<T> {
  const refused = new AbortController();
  let heldBy: Held | undefined;
  const standby = (held: Held) => {
    heldBy = held;
    refused.abort();
  };
  const lease = await BridgeLease.take(ports, standby, refused.signal);
  if (!lease)
    throw new BridgeError('bridge-at-work', `a bridge is at work: the lease is held by ${heldBy?.holder ?? 'another'}`);
  try {
    return await whileKept(lease, work);
  } finally {
    await lease.release();
  }
}

async function whileKept<T>(lease: BridgeLease, work: (lease: BridgeLease) => Promise<T>): Promise<T> {
  let done: { readonly result: T } | undefined;
  await together(
    new AbortController().signal,
    (signal) => lease.keep(signal),
    async () => {
      done = { result: await work(lease) };
    },
  );
  return done!.result;
}
