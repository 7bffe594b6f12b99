import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request being answered. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** Values of the path's placeholders, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** Answers with JSON; never cached, because the next event may change it. HEAD gets the headers alone. */
export function sendJson({ response }: Exchange, status: number, value: unknown): void {
  sendBody(response, status, 'application/json; charset=utf-8', `${JSON.stringify(value)}\n`);
}

export function sendHtml({ response }: Exchange, status: number, page: string): void {
  sendBody(response, status, 'text/html; charset=utf-8', page);
}

export function sendText({ response }: Exchange, status: number, contentType: string, text: string): void {
  sendBody(response, status, contentType, text);
}

function sendBody(response: ServerResponse, status: number, contentType: string, text: string): void {
  const body = Buffer.from(text);
  if (!response.hasHeader('cache-control')) response.setHeader('cache-control', 'no-store');
  response.writeHead(status, { 'content-type': contentType, 'content-length': body.length });
  response.end(body);
}
