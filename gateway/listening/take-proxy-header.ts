import type { Socket } from 'node:net';
import { type ProxyHeader, readProxyHeader } from './proxy-header.ts';

/** A PROXY header that was taken off a connection, or why there is none. */
export type TakenProxyHeader = Exclude<ProxyHeader, { kind: 'incomplete' }>;

/**
 * Takes the PROXY header off the beginning of a connection; what follows it is put back for the next reader. Malformed is also what does not
 * come within `timeoutMs` or breaks off. Never rejects.
 */
export function takeProxyHeader(socket: Socket, timeoutMs: number): Promise<TakenProxyHeader> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    const settle = (header: TakenProxyHeader) => {
      clearTimeout(late);
      socket.off('readable', read);
      socket.off('end', broken);
      socket.off('close', broken);
      if (header.kind === 'header' && header.length < bytes.length) socket.unshift(bytes.subarray(header.length));
      // The next reader must find a socket that nobody has listened to: letting go of `readable` counts from the next tick on.
      process.nextTick(resolve, header);
    };
    const broken = () => settle({ kind: 'malformed', found: `found the connection's end after ${bytes.length} bytes` });
    const read = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) bytes = Buffer.concat([bytes, chunk]);
      const header = readProxyHeader(bytes);
      if (header.kind !== 'incomplete') settle(header);
    };
    const late = setTimeout(() => settle({ kind: 'malformed', found: 'found none in time' }), timeoutMs);
    socket.on('readable', read);
    socket.on('end', broken);
    socket.on('close', broken);
  });
}
