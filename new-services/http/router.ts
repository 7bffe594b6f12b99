import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { LogError } from '../../contract/event-log.ts';
import { sendProblem } from '../../runtime/problem.ts';
import { problemOf, ServicesError } from '../errors.ts';
import type { ServicesTelemetry } from '../telemetry.ts';
import type { Exchange } from './exchange.ts';

/** What is served at a path. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** `/command/{id}`: a placeholder takes one segment. */
  readonly path: string;
  handle(exchange: Exchange): Promise<void> | void;
}

interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Answers requests from the first route that matches, HEAD as GET. Whatever a handler throws becomes a problem: errors of the closed list
 * as they say, a log out of reach 503, anything else 500 with a request id that the log line has too.
 */
export function router(routes: readonly Route[], telemetry: ServicesTelemetry): RequestListener {
  return async (request, response) => {
    const startedAt = performance.now();
    let name = 'none';
    response.once('close', () =>
      telemetry.requestAnswered(name, response.statusCode, (performance.now() - startedAt) / 1000),
    );
    try {
      const url = parseUrl(request);
      const { route, params } = findRoute(routes, request, response, url.pathname);
      name = `${route.method} ${route.path}`;
      await route.handle({ request, response, url, params });
    } catch (error) {
      // The client went away while it was sending: there is nobody to answer.
      if (request.errored) return;
      sendProblem(response, problemOf(translate(error, name, telemetry)));
    }
  };
}

/** The request's target as a URL; only its path and query mean anything. Throws `malformed-request`. */
export function parseUrl(request: IncomingMessage): URL {
  const target = request.url ?? '';
  if (target.startsWith('/') && URL.canParse(`http://services${target}`)) return new URL(`http://services${target}`);
  throw new ServicesError('malformed-request', `target: found ${quote(target)}, expected a path such as /shipments/7`);
}

function findRoute(routes: readonly Route[], request: IncomingMessage, response: ServerResponse, path: string): Match {
  const matches = routes.flatMap((route) => {
    const params = matchPath(route.path, path);
    return params ? [{ route, params }] : [];
  });
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const match = matches.find(({ route }) => route.method === method);
  if (match) return match;
  if (matches.length === 0) throw new ServicesError('not-found', `nothing is served at ${quote(path)}`);
  const allowed = matches.map(({ route }) => (route.method === 'GET' ? 'GET, HEAD' : route.method)).join(', ');
  response.setHeader('allow', allowed);
  throw new ServicesError('method-not-allowed', `method: found ${request.method}, expected ${allowed}`);
}

function matchPath(template: string, path: string): Record<string, string> | undefined {
  const expected = template.split('/');
  const found = path.split('/');
  if (expected.length !== found.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of expected.entries()) {
    const segment = found[index]!;
    if (!part.startsWith('{')) {
      if (part !== segment) return undefined;
    } else params[part.slice(1, -1)] = decodeSegment(segment);
  }
  return params;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ServicesError('malformed-request', `path: found ${quote(segment)}, expected percent-encoded UTF-8`);
  }
}

function translate(error: unknown, route: string, telemetry: ServicesTelemetry): ServicesError {
  if (error instanceof ServicesError) return error;
  const requestId = randomUUID();
  telemetry.requestFailed(route, requestId, error);
  if (error instanceof LogError && error.retriable) {
    return new ServicesError('log-unavailable', error.message, { cause: error, facts: { requestId } });
  }
  return new ServicesError('internal-error', 'the request could not be answered', {
    cause: error,
    facts: { requestId },
  });
}

/** Text from outside as it may stand in a message: bounded and escaped. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
