import type { AdminAccess } from './running-gateway.ts';

/** What a command could not do, as one sentence for the person who typed it. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: string = 'command-failed';
}

/** One of our processes does not answer; a command may know how to do without it. */
export class AwayError extends CommandError {
  override readonly code = 'away';
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Asks the gateway's admin API; throws a CommandError that says what the gateway answered, or that it is not there. */
export async function askGateway<T>(gateway: AdminAccess, method: Method, path: string, body?: unknown): Promise<T> {
  return ask<T>(
    gateway.addresses.admin,
    method,
    path,
    { authorization: `Bearer ${gateway.adminToken}` },
    body,
    'the gateway',
  );
}

/** Asks one of our processes over HTTP; problem details become the error's text. */
export async function ask<T>(
  origin: string,
  method: Method,
  path: string,
  headers: Record<string, string>,
  body: unknown,
  who: string,
): Promise<T> {
  const answer = await fetch(`${origin}${path}`, {
    method,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  }).catch((error: Error) => {
    throw new AwayError(
      `${who} does not answer at ${origin} (${reason(error)}). Is it running? Start it with: npm start`,
    );
  });
  const text = await answer.text();
  const parsed = parseJson(text);
  if (answer.ok) return parsed as T;
  const problem = (parsed ?? {}) as { title?: string; detail?: string; code?: string };
  throw new CommandError(
    `${who} answered ${answer.status}${problem.code ? ` ${problem.code}` : ''}: ${problem.detail ?? problem.title ?? text.slice(0, 200)}`,
  );
}

function reason(error: Error): string {
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  return cause?.code ?? cause?.message ?? error.message;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
