import { decisionField } from '../accounting/decision-field.ts';
import type { Identity } from '../identity/identity.ts';
import type { Reception } from '../identity/reception.ts';
import { isUnusablePart, rewriteAnswer, withoutRange } from '../rewriting/rewrite-answer.ts';
import type { RewritingTelemetry } from '../rewriting/rewriting-telemetry.ts';
import type { Decision } from '../routing/decision.ts';
import { type Route, splits } from '../routing/route.ts';
import { clientAnswerHeaders } from './answer-headers.ts';
import type { ClientSide } from './client-side.ts';
import type { ErrorPages } from './error-pages.ts';
import type { AnswerVerdict, ForwardOutcome, ForwardPlan } from './forwarder.ts';
import { hasBody } from './framing.ts';
import { valuesOf } from './header-fields.ts';
import type { ReadFrom, ReadYourWrites } from './read-your-writes.ts';
import type { SideRequest, Sides } from './sides.ts';
import type { Targets } from './upstreams/targets.ts';

/** One request to be served, with everything that was found out about it. */
export interface Serving {
  readonly client: ClientSide;
  readonly reception: Reception;
  readonly decision: Decision;
  readonly route: Route | undefined;
  /** How many bytes of the answer to copy for the shadow; undefined: none. */
  readonly copyBytes: number | undefined;
}

/** What came of it: the decision as it was carried out, which is legacy when the new side was to answer and could not. */
export interface ServedRequest {
  readonly decision: Decision;
  readonly outcome: ForwardOutcome;
}

/** What serving stands on. */
export interface ServingPorts {
  readonly sides: Sides;
  readonly targets: Targets;
  readonly errorPages: ErrorPages;
  readonly identity: Pick<Identity, 'wrote'>;
  /** Undefined without a bridge: the two sides then share no data. */
  readonly readYourWrites: ReadYourWrites | undefined;
  /** How long a read waits for the bridge to have passed a write. */
  readonly waitMs: number;
  readonly rewritingTelemetry: RewritingTelemetry;
  fellBack(serving: Serving, reason: string): void;
}

const safe = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * Serves a request from the side that was decided on. A safe request to the new side is answered by legacy instead, where the route says
 * so, when (1) the bridge has not passed the client's last write, (2) the new side has not come that far (409), or (3) it fails or answers
 * with a server error, always before the client was sent a byte.
 */
export function serveRequest(serving: Serving, ports: ServingPorts): Promise<ServedRequest> {
  const { decision, route } = serving;
  return decision.primary === 'legacy' || !route
    ? serveFromLegacy(serving, decision, ports)
    : serveFromNewSide(serving, route, ports);
}

async function serveFromNewSide(serving: Serving, route: Route, ports: ServingPorts): Promise<ServedRequest> {
  const { decision } = serving;
  const mayFallBack = canFallBack(serving, route);
  const found = mayFallBack ? readFrom(serving, ports) : anywhere;
  const from = found instanceof Promise ? await found : found;
  if (from.kind === 'legacy') return fallBack(serving, 'the bridge has not yet passed what this client wrote', ports);
  const outcome = await forwardToNewSide(serving, route, from, mayFallBack, ports);
  if (!mayFallBack || (outcome.kind !== 'failed' && outcome.kind !== 'declined')) return { decision, outcome };
  return fallBack(serving, outcome.kind === 'failed' ? outcome.error.message : outcome.reason, ports);
}

const anywhere: ReadFrom = { kind: 'anywhere' };

function isWrite({ method }: Reception): boolean {
  return !safe.has(method);
}

function canFallBack({ client, decision, reception }: Serving, route: Route): boolean {
  if (route.fallback === 'none' || decision.stage?.kind === 'retired') return false;
  return safe.has(reception.facts.method) && !hasBody(client.head.framing);
}

function readFrom({ reception }: Serving, { readYourWrites, waitMs }: ServingPorts): Promise<ReadFrom> | ReadFrom {
  return readYourWrites?.readFrom([reception.facts.assignmentKey, addressName(reception)], waitMs) ?? anywhere;
}

/** A client without a cookie is remembered by where it comes from: too many reads may wait, none is stale. */
function addressName({ facts }: Reception): string {
  return `address ${facts.clientAddress}`;
}

function fallBack(serving: Serving, reason: string, ports: ServingPorts): Promise<ServedRequest> {
  const { decision } = serving;
  ports.fellBack(serving, reason);
  const reasons = [...decision.reasons, { step: 'fallback', because: reason } as const];
  return serveFromLegacy(serving, { ...decision, primary: 'legacy', shadow: undefined, reasons }, ports);
}

async function serveFromLegacy(serving: Serving, decision: Decision, ports: ServingPorts): Promise<ServedRequest> {
  const { client, reception, copyBytes } = serving;
  const side = ports.sides.legacy(reception, client.head.rawHeaders, serving.route);
  const plan = forwardPlan(side, decision.shadow === undefined ? undefined : copyBytes, (status, raw) => {
    if (isWrite(reception)) noteWrite(reception, ports);
    return pass(status, raw, decision === serving.decision ? serving : { ...serving, decision }, side, ports);
  });
  return { decision, outcome: await forwardWhole(client, plan, side, ports) };
}

function forwardWhole(
  client: ClientSide,
  plan: ForwardPlan,
  side: SideRequest,
  ports: ServingPorts,
): Promise<ForwardOutcome> {
  const { method, framing } = client.head;
  const mayBePart = plan.rewritesBodies && method === 'GET' && !hasBody(framing);
  return mayBePart ? forwardUnlessPart(client, plan, side, ports) : ports.targets.forward(client, plan);
}

/** A part of a body that has to be rewritten is declined, and the body asked for again whole, where nothing was sent but a head. */
async function forwardUnlessPart(
  client: ClientSide,
  plan: ForwardPlan,
  { rewriting }: SideRequest,
  { targets }: ServingPorts,
): Promise<ForwardOutcome> {
  let partial = false;
  const outcome = await targets.forward(client, {
    ...plan,
    onAnswer(status, raw) {
      partial = isUnusablePart(status, raw, rewriting);
      return partial
        ? { kind: 'decline', reason: 'a part of a body that has to be rewritten' }
        : plan.onAnswer(status, raw);
    },
  });
  return partial ? targets.forward(client, { ...plan, headers: withoutRange(plan.headers) }) : outcome;
}

/** Before the client has its answer, so that its very next read is held to it. */
function noteWrite(reception: Reception, { identity, readYourWrites, waitMs }: ServingPorts): void {
  identity.wrote(reception);
  readYourWrites?.wrote(
    reception.assignment === 'made' ? addressName(reception) : reception.facts.assignmentKey,
    waitMs,
  );
}

function forwardToNewSide(
  serving: Serving,
  route: Route,
  from: ReadFrom,
  mayFallBack: boolean,
  ports: ServingPorts,
): Promise<ForwardOutcome> {
  const { client, reception, copyBytes } = serving;
  const atLeast = from.kind === 'at-least' ? from.address : undefined;
  const side = ports.sides.newSide(reception, client.head.rawHeaders, route, atLeast);
  const plan = forwardPlan(side, copyBytes, (status, raw) => {
    const reason = mayFallBack ? reasonToDecline(status, raw, atLeast) : undefined;
    return reason === undefined ? pass(status, raw, serving, side, ports) : { kind: 'decline', reason };
  });
  return forwardWhole(client, plan, side, ports);
}

function forwardPlan(
  { upstream, target, headers, rewriting }: SideRequest,
  copyBytes: number | undefined,
  onAnswer: ForwardPlan['onAnswer'],
): ForwardPlan {
  return { upstream, target, headers, onAnswer, copyBytes, rewritesBodies: rewriting.rules.bodies !== undefined };
}

function reasonToDecline(status: number, raw: readonly string[], atLeast: string | undefined): string | undefined {
  if (status >= 500) return `the new side answered ${status}`;
  if (status !== 409 || atLeast === undefined) return undefined;
  const problem = valuesOf(raw, 'content-type').some((type) => type.startsWith('application/problem+json'));
  return problem ? `the new side has not come to ${atLeast} yet` : undefined;
}

function pass(
  status: number,
  raw: readonly string[],
  { reception, decision, route }: Serving,
  { rewriting }: SideRequest,
  { rewritingTelemetry }: ServingPorts,
): AnswerVerdict {
  const divided = route !== undefined && splits(route, decision.stage);
  const wroteNew = divided && decision.primary === 'new' && isWrite(reception) && status < 400;
  const setCookie = divided ? reception.assignmentCookie(wroteNew ? route.capability : undefined) : undefined;
  const { fields, transforms } = rewriteAnswer(status, raw, reception.facts.target, rewriting, rewritingTelemetry);
  const own = decisionField(reception, decision);
  const options = { requestId: reception.requestId, rewriting, splits: divided, setCookie, own };
  return { kind: 'pass', fields: clientAnswerHeaders(fields, options), transforms };
}
