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

/**
 * Whether an answer is a part of a body that has to be rewritten: a piece of the application's bytes does not fit what the client has of ours,
 * so the body must be asked for whole.
 */
export function isUnusablePart(status: number, raw: readonly string[], { naming, rules }: SideRewriting): boolean {
  return status === 206 && planAnswer(status, raw, { naming, rules: rules.bodies }).untouched === 'partial';
}

/** Request fields for the same body whole. */
export function withoutRange(fields: readonly string[]): string[] {
  return fields.filter((_, index) => !/^(?:range|if-range)$/i.test(fields[index - (index % 2)]!));
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
