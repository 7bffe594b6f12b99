import type { Transform } from 'node:stream';
import { GatewayError } from '../errors.ts';
import { planAnswer } from './plan-answer.ts';
import type { RewritingTelemetry } from './rewriting-telemetry.ts';
import type { SideRewriting } from './side-rewriting.ts';

/** An answer as far as its body decides, counted. */
export interface RewrittenAnswer {
  /** Raw header fields; their values still name the application where they do. */
  readonly fields: readonly string[];
  /** The body's way to the client, to be made once; undefined: as it comes. */
  readonly transforms: (() => Transform[]) | undefined;
}

/** Decides what is done with an answer's body, and tells what came of it. */
export function rewriteAnswer(
  status: number,
  raw: readonly string[],
  { naming, rules }: SideRewriting,
  telemetry: RewritingTelemetry,
): RewrittenAnswer {
  const { fields, body, untouched } = planAnswer(status, raw, { naming, rules: rules.bodies });
  if (untouched !== undefined) telemetry.untouched(naming.upstreamOrigin, untouched);
  if (body === undefined) return { fields, transforms: undefined };
  const transforms = () => {
    const way = body();
    telemetry.rewritten();
    way[0]!.once('error', (error) => {
      if (error instanceof GatewayError) telemetry.brokeOff(naming.upstreamOrigin, error);
    });
    return way;
  };
  return { fields, transforms };
}
