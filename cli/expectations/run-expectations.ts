import { GatewayError } from '../../gateway/errors.ts';
import type { ExplainedRequest } from '../../gateway/explain.ts';
import type { Plan } from '../../gateway/offline.ts';
import { describeRequest } from '../../gateway/written-request.ts';
import type { PlacedExpectation } from './load-expectations.ts';

/** What came of one expectation. */
export interface ExpectationResult {
  /** `routes.test.yaml:12:3` */
  readonly place: string;
  /** `GET /shipments/7` */
  readonly request: string;
  /** The route that took the request. */
  readonly route: string | undefined;
  /** One sentence for each thing that is not as expected; empty: passed. */
  readonly failures: readonly string[];
  /** Every step of why, as sentences. */
  readonly reasons: readonly string[];
}

/** What came of all. */
export interface ExpectationsReport {
  readonly results: readonly ExpectationResult[];
  readonly failed: number;
  /** Names of the routes that took no request of any expectation, in the order of the configuration. */
  readonly uncovered: readonly string[];
  readonly routes: number;
}

/** Asks a plan about the request of each expectation and compares. */
export async function runExpectations(
  expectations: readonly PlacedExpectation[],
  plan: Plan,
): Promise<ExpectationsReport> {
  const results = await Promise.all(expectations.map((expectation) => run(expectation, plan)));
  const covered = new Set(results.map(({ route }) => route));
  const names = plan.table.routes.map(({ name }) => name);
  return {
    results,
    failed: results.filter(({ failures }) => failures.length > 0).length,
    uncovered: names.filter((name) => !covered.has(name)),
    routes: names.length,
  };
}

async function run(expectation: PlacedExpectation, plan: Plan): Promise<ExpectationResult> {
  const { place, request } = expectation;
  const found = await ask(expectation, plan);
  const refused = found instanceof GatewayError;
  return {
    place,
    request: `${request.method} ${request.url}`,
    route: refused ? undefined : found.route,
    failures: refused ? unlikeRefusal(expectation, found) : unlikeAnswer(expectation, found),
    reasons: refused ? [`refused ${found.code}: ${found.message}`] : found.reasons.map(({ outcome }) => outcome),
  };
}

async function ask(
  { request, headers, body, user, client, time, stage, flags }: PlacedExpectation,
  plan: Plan,
): Promise<ExplainedRequest | GatewayError> {
  const described = describeRequest({
    ...request,
    headers,
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    user,
    time,
    clientAddress: client,
  });
  try {
    return await plan.explain(described, { stage, flagsOn: flags });
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}

function unlikeRefusal({ expect }: PlacedExpectation, { code }: GatewayError): string[] {
  return expect.refused === code ? [] : [`expected ${wanted(expect)}, found that it is refused ${code}`];
}

function unlikeAnswer({ expect }: PlacedExpectation, found: ExplainedRequest): string[] {
  const pairs = [
    ['route', expect.route === null ? 'none' : expect.route, found.route ?? 'none'],
    ['side', expect.side, found.primary],
    ['shadow', expect.shadow, found.shadow ?? 'none'],
    ['refused', expect.refused, 'no refusal'],
  ] as const;
  return pairs.flatMap(([what, want, is]) =>
    want === undefined || want === is ? [] : [`expected ${what} ${want}, found ${is}`],
  );
}

function wanted(expect: PlacedExpectation['expect']): string {
  return Object.entries(expect)
    .map(([what, want]) => `${what} ${want ?? 'none'}`)
    .join(', ');
}
