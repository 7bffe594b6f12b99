import { upcasterChain } from '../../contract/upcasting.ts';

/** The one door through which this slice sees stored events, in their current schema version. Every payload is still at version 1. */
export const upcast = upcasterChain([]);
