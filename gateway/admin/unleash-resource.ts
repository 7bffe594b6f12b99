import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FlagClientApi } from '../flags/client-api.ts';

/** Answers Unleash's `GET /client/features`: all flags, or 304 while they are what the client has. */
export function answerFeatures(flags: FlagClientApi, request: IncomingMessage, response: ServerResponse): void {
  const { body, etag } = flags.features();
  response.setHeader('etag', etag);
  if (isCurrent(request.headers['if-none-match'], etag)) {
    response.writeHead(304).end();
  } else {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(body);
  }
}

/** Accepts what an Unleash SDK reports of itself; it is not kept. */
export function acceptReport(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  response.writeHead(202).end();
}

function isCurrent(condition: string | undefined, etag: string): boolean {
  return (condition ?? '').split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
