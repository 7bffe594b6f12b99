import { mkdir, rm } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { NextFunction, RequestHandler, Response } from 'express';
import multer from 'multer';
import { notFound } from './errors.ts';

const maxUploadBytes = 16 * 1024 * 1024;
const maxFieldBytes = 64 * 1024;
const maxNameLength = 150;

/**
 * Names that `storedName` can make: no slash, no leading dot, so nothing outside the folder and not the folder of
 * unfinished uploads.
 */
const servedName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/**
 * Kinds that a browser may show. Anything else, above all HTML, would run in this site's name and is only downloaded.
 */
const shownInline = new Set(['.pdf', '.png', '.jpg', '.jpeg', '.gif', '.txt']);

/**
 * The file name for an uploaded document, `7-packing_list.pdf`: the shipment's id, then the client's name without
 * anything special.
 */
export function storedName(shipmentId: number, originalName: string): string {
  const plain = basename(originalName.replaceAll('\\', '/')).replace(/[^A-Za-z0-9._-]/g, '_');
  const extension = extname(plain).slice(0, 12);
  const stem = plain.slice(0, plain.length - extname(plain).length).slice(0, maxNameLength);
  return `${shipmentId}-${stem || 'document'}${extension}`;
}

/** Serves the stored documents as a web server does: ranges, validators, HEAD, 404 for anything else. */
export function serveDocument(uploadDir: string): RequestHandler {
  return (request, response, next) => {
    const name = String(request.params.file);
    if (!servedName.test(name)) return next(notFound());
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (!shownInline.has(extname(name).toLowerCase())) response.attachment(name);
    response.sendFile(name, { root: uploadDir }, (error) => passOn(error, response, next));
  };
}

/** An aborted download has nobody to tell; a range that cannot be satisfied is answered already. */
function passOn(error: (Error & { status?: number }) | undefined, response: Response, next: NextFunction): void {
  if (error === undefined || error === null || response.headersSent || response.destroyed) return;
  next(error.status !== undefined && error.status < 500 ? notFound() : error);
}

/** Reads the upload named `document` into a temporary file, which `request.file` then describes. */
export async function uploadReceiver(uploadDir: string): Promise<RequestHandler> {
  const incoming = join(uploadDir, '.incoming');
  await mkdir(incoming, { recursive: true });
  return multer({
    dest: incoming,
    limits: { fileSize: maxUploadBytes, files: 1, fields: 20, fieldSize: maxFieldBytes },
    defParamCharset: 'utf8',
  }).single('document');
}

/** Runs `handler`, then removes the temporary file. One that the script accepted has been moved away by then. */
export function removingUpload(handler: RequestHandler): RequestHandler {
  return async (request, response, next) => {
    try {
      await handler(request, response, next);
    } finally {
      if (request.file !== undefined) await rm(request.file.path, { force: true });
    }
  };
}
