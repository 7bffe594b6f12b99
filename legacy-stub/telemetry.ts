import type { Request } from 'express';
import type { LegacyError } from './errors.ts';

/** Says where the application can be reached. */
export function reportListening(url: string): void {
  console.log(`legacy application listening at ${url}`);
}

/** Writes a failure (not a client's mistake) to standard error in the manner of Apache's error log. */
export function reportFailure(request: Request, error: LegacyError): void {
  const cause = error.cause instanceof Error ? error.cause : error;
  const detail = error.code === 'internal' ? cause.stack : cause.message;
  const line = `${request.method} ${JSON.stringify(request.originalUrl)}: ${error.code}: ${detail}`;
  console.error(`[${new Date().toISOString()}] [error] [client ${request.socket.remoteAddress ?? '-'}] ${line}`);
}
