import type { Readable } from 'node:stream';
import type { AnswerCopy } from './forwarder.ts';

/**
 * Copies the first bytes of a stream that another reader takes: it only listens, so that the other's back-pressure rules. Must be called in
 * the tick in which the other begins to read. The result is complete when the stream has ended.
 */
export function copyBody(stream: Readable, maxBytes: number): () => AnswerCopy {
  const chunks: Buffer[] = [];
  let kept = 0;
  let oversize = false;
  stream.on('data', (chunk: Buffer) => {
    const room = maxBytes - kept;
    if (chunk.length > room) oversize = true;
    if (room <= 0) return;
    const part = chunk.length > room ? Buffer.from(chunk.subarray(0, room)) : chunk;
    chunks.push(part);
    kept += part.length;
  });
  return () => ({ body: Buffer.concat(chunks), oversize });
}
