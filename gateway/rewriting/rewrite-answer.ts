import type { Transform } from 'node:stream';
import { GatewayError } from '../errors.ts';
import { valuesOf } from '../forwarding/header-fields.ts';
import { planAnswer } from './plan-answer.ts';
import { publicUrl } from './public-url.ts';
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
 * Whether an application that was given the client's Host sends the client to its own address for the same target. With that address made
 * public the client is where it was, and will be sent again.
 */
function leadsBack(raw: readonly string[], target: string, { naming, hostRewritten }: SideRewriting): boolean {
  if (hostRewritten) return false;
  const here = `${naming.publicScheme}://${naming.publicAuthority}${target}`;
  return valuesOf(raw, 'location').some((value) => value !== here && publicUrl(value, naming) === here);
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

/** Decides what is done with the answer's body to a request for `target`, and tells what came of it. */
export function rewriteAnswer(
  status: number,
  raw: readonly string[],
  target: string,
  rewriting: SideRewriting,
  telemetry: RewritingTelemetry,
): RewrittenAnswer {
  const { naming, rules } = rewriting;
  if (status >= 300 && status < 400 && leadsBack(raw, target, rewriting))
    telemetry.ledBack(naming.upstreamOrigin, target);
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
