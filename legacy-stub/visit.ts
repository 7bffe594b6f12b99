import { parse as parseCookies } from 'cookie';
import type { Request, RequestHandler, Response } from 'express';
import { type Answer, htmlAnswer, jsonAnswer, redirect, sendAnswer, withHeaders } from './answer.ts';
import type { DatabaseAddress } from './config.ts';
import { type Database, withDatabase } from './database.ts';
import { LegacyError, notFound, translateError } from './errors.ts';
import { errorPage } from './pages/error.ts';
import type { Frame } from './pages/layout.ts';
import { type Session, withSession } from './session.ts';
import { reportFailure } from './telemetry.ts';
import type { Workers } from './workers.ts';

/** What a script works with while it runs: PHP's superglobals and its database link. */
export interface Visit {
  readonly request: Request;
  readonly database: Database;
  readonly session: Session | undefined;
  /** The Accept header contains text/html: a browser. Everyone else gets JSON. */
  readonly wantsHtml: boolean;
  readonly frame: Frame;
}

/** One page or action: all of what it does with the database and the answer it gives, or a thrown `LegacyError`. */
export type Script = (visit: Visit) => Promise<Answer>;

/**
 * Runs scripts one a request: a worker, a connection, the session with its lock, the script; then everything is given
 * back and the answer is sent. Whatever is thrown becomes an error page or `{"error": …}`.
 */
export function scriptRunner(address: DatabaseAddress, workers: Workers): (script: Script) => RequestHandler {
  return (script) => async (request, response) => {
    const answer = await workers
      .run(() =>
        withDatabase(address, request.get('traceparent'), (database) =>
          withSession(database, parseCookies(request.get('cookie') ?? '').LEGACYSID, (session) =>
            script(visitOf(request, database, session)),
          ),
        ),
      )
      .catch((thrown: unknown) => failureAnswer(request, thrown));
    sendAnswer(request, response, answer);
  };
}

/** The script for those who are logged in; others are sent to the log-in page, or refused when they asked for JSON. */
export function signedIn(script: (visit: Visit & { session: Session }) => Promise<Answer>): Script {
  return async (visit) => {
    const { session, request } = visit;
    if (session !== undefined) return script({ ...visit, session });
    if (!visit.wantsHtml) throw new LegacyError('log-in-required', 'log in first');
    const next = request.method === 'GET' ? `?next=${encodeURIComponent(request.originalUrl)}` : '';
    return redirectTo(visit, `/login${next}`);
  };
}

/** 302 within the site, absolute, as PHP manuals told everyone to write it. `path` begins with a slash. */
export function redirectTo({ frame }: Visit, path: string): Answer {
  return redirect(`${frame.origin}${path}`);
}

/** The record's id from the path. Throws `bad-id` unless it is a whole number as AUTO_INCREMENT makes them. */
export function recordId({ request }: Visit): number {
  const text = String(request.params.id);
  if (!/^\d{1,10}$/.test(text))
    throw new LegacyError('bad-id', `bad id: expected a whole number, found ${JSON.stringify(text)}`);
  return Number(text);
}

/** The row, or a `not-found` when there is none. */
export function found<T>(row: T | undefined): T {
  if (row === undefined) throw notFound();
  return row;
}

/** Answers with an error that was thrown outside a script, such as a body that cannot be read. */
export function sendFailure(request: Request, response: Response, thrown: unknown): void {
  if (response.headersSent) response.destroy();
  else sendAnswer(request, response, failureAnswer(request, thrown));
}

function failureAnswer(request: Request, thrown: unknown): Answer {
  const error = translateError(thrown);
  if (error.status >= 500) reportFailure(request, error);
  const answer = wantsHtml(request)
    ? htmlAnswer(error.status, errorPage(frameOf(request, undefined), error.status, error.message))
    : jsonAnswer(error.status, { error: error.message });
  return withHeaders(answer, error.headers);
}

function visitOf(request: Request, database: Database, session: Session | undefined): Visit {
  return { request, database, session, wantsHtml: wantsHtml(request), frame: frameOf(request, session?.user) };
}

function wantsHtml(request: Request): boolean {
  return (request.get('accept') ?? '').includes('text/html');
}

function frameOf(request: Request, user: string | undefined): Frame {
  return { origin: originOf(request), path: request.path, user };
}

const plainHost = /^([\w.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i;

/** `http://HOST` as the client wrote it; the socket's own address when it wrote nothing that could stand in a URL. */
function originOf(request: Request): string {
  const host = request.get('host');
  if (host !== undefined && plainHost.test(host)) return `http://${host}`;
  const { localAddress = '127.0.0.1', localPort } = request.socket;
  return `http://${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
}
