import type { Accounting } from './accounting/accounting.ts';
import type { ActivePlan } from './active-plan.ts';
import { foldHeaders } from './comparison/fold-headers.ts';
import type { Observation } from './comparison/observation.ts';
import { GatewayError } from './errors.ts';
import { type DescribedRequest, type ExplainedRequest, explainRequest } from './explain.ts';
import type { ClientSide } from './forwarding/client-side.ts';
import type { ForwardOutcome } from './forwarding/forwarder.ts';
import { hopByHopNames } from './forwarding/header-fields.ts';
import type { RequestHead } from './forwarding/request-head.ts';
import { type ServedRequest, type Serving, serveRequest } from './forwarding/serve-request.ts';
import type { Reception } from './identity/reception.ts';
import type { OfferedExchanges } from './offered-exchanges.ts';
import { receiveBody } from './receive-body.ts';
import { orRefuse } from './refuse-path.ts';
import { decide, isBodyNeeded, type Routing } from './routing/decide.ts';
import type { Decision } from './routing/decision.ts';
import type { Exchange } from './shadow/exchange.ts';
import type { GatewayTelemetry } from './telemetry.ts';

/** What the request flow stands on. */
export interface RequestFlowPorts {
  /** This gateway's name in Via: a request that has it already goes in circles. */
  readonly pseudonym: string;
  /** What requests begin with. */
  readonly plans: { readonly current: ActivePlan };
  /** What routing by a plan knows now. */
  readonly routing: (plan: ActivePlan) => Routing;
  readonly exchanges: OfferedExchanges;
  /** A read of a route that is being compared, before sampling. */
  readonly seen: (route: string) => void;
  readonly accounting: Accounting;
  readonly telemetry: GatewayTelemetry;
}

/**
 * A request's way through the gateway: (1) receive: who asks for what; (2) decide: which side, and why; (3) serve: forward, fall back;
 * (4) afterwards: account for it and offer it to the shadow. The client is served before anything of (4) happens. All of it goes by the plan that was
 * current when the request began.
 */
export class RequestFlow {
  readonly #ports: RequestFlowPorts;
  #draining = false;

  constructor(ports: RequestFlowPorts) {
    this.#ports = ports;
  }

  /** Takes a request to its end. Never rejects: a defect of the gateway's own becomes an answer of 500. */
  async handle(client: ClientSide): Promise<void> {
    const startedAt = performance.now();
    if (this.#draining) client.closeAfterAnswer();
    const plan = this.#ports.plans.current;
    plan.begin();
    try {
      const received = this.#receive(client, plan);
      const reception = received instanceof Promise ? await received : received;
      this.#refuseUnserved(client, reception);
      const decided = this.#decide(client, reception, plan);
      const decision = decided instanceof Promise ? await decided : decided;
      if (decision === 'handed-over') return;
      const serving = this.#prepare(client, reception, decision, plan);
      const served = await serveRequest(serving, plan.serving);
      this.#conclude(serving, served, plan, startedAt);
    } catch (error) {
      this.#giveUp(client, error, startedAt);
    } finally {
      plan.end();
    }
  }

  /**
   * Where a request would go and why, and who makes it; nothing is sent, but for what it takes to recognise the user. The shadow is shown where any
   * sample of such requests would reach it. Rejects with a GatewayError for a request that would be refused.
   */
  explain(described: DescribedRequest): Promise<ExplainedRequest> {
    const { plans, routing } = this.#ports;
    const { config, identity } = plans.current;
    return explainRequest(described, { config, identity, routing: routing(plans.current) });
  }

  /** From now on each answer is the last on its connection. */
  drain(): void {
    this.#draining = true;
  }

  /** Under bypass nobody is asked who makes a request: it goes to legacy whoever it is, and legacy may be slow to tell. */
  #receive({ head }: ClientSide, plan: ActivePlan): Reception | Promise<Reception> {
    return this.#ports.routing(plan).bypass ? plan.identity.receiveAtOnce(head) : plan.identity.receive(head);
  }

  /** Throws a GatewayError for what no side shall see. */
  #refuseUnserved({ head }: ClientSide, reception: Reception): void {
    if (head.httpVersion !== '1.0' && reception.header('host') === undefined) {
      throw new GatewayError('bad-host', 'found no Host header, expected one');
    }
    if (reception.header('via')?.includes(this.#ports.pseudonym)) {
      throw new GatewayError('forwarding-loop', 'found our own name in Via: an upstream leads back to this gateway');
    }
  }

  /** Reads the body first where a route asks about it. Throws a GatewayError for what no side shall see. */
  #decide(client: ClientSide, reception: Reception, plan: ActivePlan): Decision | Promise<Decision | 'handed-over'> {
    const routing = this.#ports.routing(plan);
    const decision = decide(reception.facts, routing, Math.random);
    return isBodyNeeded(decision) ? this.#decideByBody(client, reception, plan, routing) : orRefuse(decision);
  }

  async #decideByBody(
    client: ClientSide,
    { facts }: Reception,
    { config }: ActivePlan,
    routing: Routing,
  ): Promise<Decision | 'handed-over'> {
    const body = await receiveBody(client, facts, config);
    return body === 'handed-over' ? body : orRefuse(decide(facts, routing, Math.random, body));
  }

  #prepare(client: ClientSide, reception: Reception, decision: Decision, { table, shadows }: ActivePlan): Serving {
    const route = decision.route === undefined ? undefined : table.find(decision.route);
    const shadow = decision.shadow && decision.capability ? shadows.get(decision.capability) : undefined;
    if (isCompared(decision, reception)) this.#ports.seen(decision.route!);
    return {
      client,
      reception,
      decision,
      route,
      copyBytes: shadow?.hasRoom ? shadow.maxBodyBytes : undefined,
    };
  }

  #conclude(serving: Serving, served: ServedRequest, plan: ActivePlan, startedAt: number): void {
    const { client, reception, route, copyBytes } = serving;
    const { decision, outcome } = served;
    // What was handed over is concluded where it went; in place of what was declined legacy has been asked.
    if (outcome.kind === 'handed-over' || outcome.kind === 'declined') return;
    this.#answerFailure(client, reception, served, plan);
    this.#ports.accounting.served({ startedAt, reception, decision, route, outcome });
    const control = copyBytes === undefined || !decision.shadow ? undefined : observe(outcome);
    if (control) this.#offer(serving, decision, control, plan);
  }

  /** Nothing was written to the client yet: the answer is ours to give. */
  #answerFailure(
    client: ClientSide,
    reception: Reception,
    { decision, outcome }: ServedRequest,
    { serving }: ActivePlan,
  ): void {
    if (outcome.kind !== 'failed') return;
    this.#ports.telemetry.sideFailed(reception, decision, outcome.error);
    const { requestId } = reception;
    const page = serving.errorPages.pageFor(outcome.error, reception.header('accept'), requestId);
    client.refuse(outcome.error, requestId, page);
  }

  #offer({ client, reception }: Serving, decision: Decision, control: Observation, plan: ActivePlan): void {
    const exchange: Exchange = {
      facts: reception.facts,
      decision,
      rawHeaders: endToEnd(client.head.rawHeaders),
      control,
    };
    this.#ports.exchanges.remember(exchange, { reception, plan });
    plan.shadows.get(decision.capability!)?.offer(exchange);
  }

  #giveUp(client: ClientSide, error: unknown, startedAt: number): void {
    try {
      this.#refuse(client, error, startedAt);
    } catch (another) {
      this.#ports.telemetry.defect(another, 'refusing a request');
      client.destroy();
    }
  }

  #refuse(client: ClientSide, problem: unknown, startedAt: number): void {
    const { accounting, telemetry } = this.#ports;
    const known = problem instanceof GatewayError;
    const error = known ? problem : new GatewayError('internal-error', 'the gateway failed', { cause: problem });
    const requestId = accounting.ids.requestId();
    if (known) telemetry.refused(error);
    else telemetry.defect(problem, `serving request ${requestId}`);
    accounting.refused(error, { startedAt, requestId, head: readableHead(client) });
    client.refuse(error, requestId);
  }
}

/** Nothing of it when it is the head that was refused. */
function readableHead(client: ClientSide): Partial<RequestHead> {
  try {
    return client.head;
  } catch {
    return {};
  }
}

/** Only reads are compared, in the stages where there is something to compare. */
function isCompared({ stage }: Decision, { facts }: Reception): boolean {
  const compares = stage?.kind === 'shadow' || stage?.kind === 'canary' || stage?.kind === 'new';
  return compares && (facts.method === 'GET' || facts.method === 'HEAD');
}

/** The primary's answer as the control of a comparison; undefined when there is nothing to compare with. */
function observe(outcome: ForwardOutcome): Observation | undefined {
  if (outcome.kind === 'answered' && outcome.copy) {
    const { status, rawHeaders, copy, durationMs } = outcome;
    return { kind: 'answer', status, headers: foldHeaders(rawHeaders), ...copy, durationMs };
  }
  if (outcome.kind === 'failed') return { kind: 'failure', reason: outcome.error.code, durationMs: outcome.durationMs };
  return outcome.kind === 'truncated'
    ? { kind: 'failure', reason: 'truncated', durationMs: outcome.durationMs }
    : undefined;
}

/** The client's fields without those of its connection and those that only the gateway may say. */
function endToEnd(raw: readonly string[]): string[] {
  const dropped = hopByHopNames(raw);
  return raw.filter((_, index) => {
    const lower = raw[index - (index % 2)]!.toLowerCase();
    return !dropped(lower) && !lower.startsWith('strangler-');
  });
}
