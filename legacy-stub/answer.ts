import type { Request, Response } from 'express';

/** A complete answer, made before its first byte is sent. Headers are a list, so that a name may stand in it twice. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

export function htmlAnswer(status: number, text: string): Answer {
  return { status, headers: [['Content-Type', 'text/html; charset=utf-8']], body: Buffer.from(text) };
}

export function jsonAnswer(status: number, value: unknown): Answer {
  const headers = [['Content-Type', 'application/json; charset=utf-8']] as const;
  return { status, headers, body: Buffer.from(`${JSON.stringify(value)}\n`) };
}

export function emptyAnswer(status: number): Answer {
  return { status, headers: [], body: Buffer.alloc(0) };
}

/** 302 to an absolute URL, with the short text that a browser shows when it does not follow. */
export function redirect(url: string): Answer {
  const body = Buffer.from(`See ${url}\n`);
  return {
    status: 302,
    headers: [
      ['Location', url],
      ['Content-Type', 'text/plain; charset=utf-8'],
    ],
    body,
  };
}

export function withHeaders(answer: Answer, headers: Answer['headers']): Answer {
  return { ...answer, headers: [...answer.headers, ...headers] };
}

/** Pages of such applications are never cached: these are PHP's session_cache_limiter('nocache'). */
const uncached = [
  ['Cache-Control', 'no-store, no-cache, must-revalidate'],
  ['Expires', 'Thu, 19 Nov 1981 08:52:00 GMT'],
  ['Vary', 'Accept'],
] as const;

/** Sends the answer whole. HEAD gets the headers of GET, its length included. */
export function sendAnswer(request: Request, response: Response, { status, headers, body }: Answer): void {
  response.statusCode = status;
  for (const [name, value] of [...uncached, ...headers]) response.appendHeader(name, value);
  if (status !== 204) response.setHeader('Content-Length', body.length);
  if (request.method === 'HEAD') response.end();
  else response.end(body);
}
