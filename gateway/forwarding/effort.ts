import type { Effort, Ending, ForwardOutcome, ForwardPlan } from './forwarder.ts';
import { upstreamError } from './upstream-error.ts';

/** What was counted until now, by those who did it. */
export type Counted = { -readonly [Key in keyof Effort]: Effort[Key] } & { readonly startedAt: number };

/** Carries out one forwarding and tells what it took; what it throws becomes its failure. Never rejects. */
export async function counted(plan: ForwardPlan, work: (effort: Counted) => Promise<Ending>): Promise<ForwardOutcome> {
  const effort: Counted = {
    startedAt: performance.now(),
    durationMs: 0,
    firstByteMs: undefined,
    requestBytes: 0,
    answerBytes: 0,
    attempts: 0,
  };
  let ending: Ending;
  try {
    ending = await work(effort);
  } catch (error) {
    ending = { kind: 'failed', error: upstreamError(error, plan.upstream.origin) };
  }
  effort.durationMs = performance.now() - effort.startedAt;
  return Object.assign(effort, ending);
}
