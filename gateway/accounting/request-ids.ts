import { createRandomHex, type RandomHex } from './random-hex.ts';
import { createTraces, noSampling, type Sampling, type Traces } from './trace.ts';

/** Names requests and the spans that are made of them. */
export interface RequestIds {
  /** 32 hexadecimal digits that no other request has. */
  requestId(): string;
  readonly trace: Traces;
}

export function createRequestIds(
  sampling: Sampling = noSampling,
  randomHex: RandomHex = createRandomHex(),
): RequestIds {
  return { requestId: () => randomHex(32), trace: createTraces(sampling, randomHex) };
}
