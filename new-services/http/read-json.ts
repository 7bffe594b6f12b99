import type { IncomingMessage } from 'node:http';
import { ServicesError } from '../errors.ts';
import { quote } from './router.ts';

const maxBytes = 1024 * 1024;

/**
 * The JSON value of a request's body: at most 1 MiB of UTF-8, declared as application/json (a form on a foreign page
 * could send anything else in a user's name). Throws `unsupported-media-type`, `body-too-large` or `malformed-json`.
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = request.headers['content-type'];
  if (!/^application\/json\s*(;|$)/i.test(type ?? '')) {
    throw new ServicesError(
      'unsupported-media-type',
      `content-type: found ${type === undefined ? 'none' : quote(type)}, expected application/json`,
    );
  }
  return parse(decode(await readBody(request)));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(request);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The rest is read and thrown away, so that the client gets to see the answer. */
function tooLarge(request: IncomingMessage): ServicesError {
  request.resume();
  return new ServicesError('body-too-large', `body: found more than ${maxBytes} bytes, expected at most that`);
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new ServicesError('malformed-json', 'body: found bytes that are not UTF-8', { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ServicesError('malformed-json', `body: ${(cause as SyntaxError).message}`, { cause });
  }
}
