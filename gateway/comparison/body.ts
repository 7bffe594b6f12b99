import { createHash } from 'node:crypto';
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { Json } from '../../contract/json.ts';
import { parseJson } from './parse-json.ts';

/** The most bytes a body may have once decoded; a longer one is taken for a decompression bomb. */
export const maxDecodedBytes = 4 * 1024 * 1024;

/** A body as comparison reads it. */
export type Body =
  | { readonly form: 'empty' }
  | { readonly form: 'json'; readonly value: Json }
  | { readonly form: 'text'; readonly text: string }
  | { readonly form: 'bytes'; readonly digest: string };

/** Takes off the content codings (gzip, deflate, br), outermost first; a reason when that is not possible within `maxDecodedBytes`. */
export function decodeBody(body: Buffer, contentEncoding = ''): { bytes: Buffer } | { reason: string } {
  const codings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (body.length === 0) return { bytes: body };
  if (codings.length > 2)
    return { reason: `${codings.length} content codings one inside the other, expected at most 2` };
  let bytes = body;
  for (const coding of codings.reverse()) {
    const decoder = decoders.get(coding);
    if (!decoder) return { reason: `content coding ${JSON.stringify(coding)}, expected gzip, deflate or br` };
    try {
      bytes = decoder(bytes);
    } catch (error) {
      return { reason: whyUndecodable(coding, error) };
    }
  }
  return { bytes };
}

const limit = { maxOutputLength: maxDecodedBytes };
const decoders = new Map<string, (bytes: Buffer) => Buffer>([
  ['gzip', (bytes) => gunzipSync(bytes, limit)],
  ['x-gzip', (bytes) => gunzipSync(bytes, limit)],
  ['br', (bytes) => brotliDecompressSync(bytes, limit)],
  ['deflate', inflateEither],
]);

/** `deflate` means zlib (RFC 9110 §8.4.1.2), but some servers send it raw; a zlib stream begins with compression method 8. */
function inflateEither(bytes: Buffer): Buffer {
  return (bytes[0]! & 0x0f) === 8 ? inflateSync(bytes, limit) : inflateRawSync(bytes, limit);
}

function whyUndecodable(coding: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_BUFFER_TOO_LARGE') return `${coding} body decodes to more than ${maxDecodedBytes} bytes`;
  return `not a ${coding} body: ${message}`;
}

/**
 * Reads decoded bytes as what they are. JSON is also recognised where the content type does not say so, since a PHP application that
 * prints JSON calls it text/html unless told otherwise.
 */
export function readBody(bytes: Buffer, contentType = ''): Body {
  if (bytes.length === 0) return { form: 'empty' };
  const [mediaType = '', charset] = parseContentType(contentType);
  const text = textual.test(mediaType) ? decodeText(bytes, charset) : undefined;
  if (text === undefined) return { form: 'bytes', digest: `${bytes.length} bytes, sha256 ${sha256(bytes)}` };
  const value = jsonType.test(mediaType) || /^\s*[[{]/.test(text) ? parseJson(text) : undefined;
  return value === undefined ? { form: 'text', text } : { form: 'json', value };
}

const jsonType = /^(application|text)\/([\w.-]+\+)?json$/;
const textual = /^$|^text\/|[/+](json|xml|javascript|ecmascript|x-www-form-urlencoded|yaml|x-ndjson|problem\+json)$/;

function parseContentType(contentType: string): [string | undefined, string | undefined] {
  const [mediaType, ...parameters] = contentType.toLowerCase().split(';');
  const charset = parameters.map((parameter) => /^\s*charset="?([^"\s]+)"?\s*$/.exec(parameter)?.[1]).find(Boolean);
  return [mediaType?.trim(), charset];
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Undefined when the bytes are not text in this charset, or the charset is unknown. */
function decodeText(bytes: Buffer, charset = 'utf-8'): string | undefined {
  try {
    return (charset === 'utf-8' ? utf8 : new TextDecoder(charset, { fatal: true })).decode(bytes);
  } catch {
    return undefined;
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
