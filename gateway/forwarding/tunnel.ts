import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { eachField } from './header-fields.ts';

/** The head of a 101 answer as bytes. Node's parser has refused control characters in it, so that it can be written as it is. */
export function switchingHead(answer: IncomingMessage, fields: readonly string[]): string {
  const lines = [`HTTP/1.1 101 ${answer.statusMessage || 'Switching Protocols'}`];
  eachField(fields, (name, value) => lines.push(`${name}: ${value}`));
  lines.push('Connection: Upgrade', `Upgrade: ${answer.headers.upgrade ?? ''}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/**
 * Joins two connections byte for byte, with back-pressure, until both are closed. An end that only says that it will send no more is heard
 * out; when one is gone or nothing has moved for `idleMs`, both are closed.
 */
export function joinSockets(client: Socket, upstream: Socket, idleMs: number): Promise<void> {
  for (const socket of [client, upstream]) {
    socket.allowHalfOpen = true;
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.setNoDelay(true);
    socket.on('error', () => {});
  }
  client.pipe(upstream);
  upstream.pipe(client);
  return Promise.all([closed(client, upstream), closed(upstream, client)]).then(() => {});
}

function closed(socket: Duplex, other: Socket): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      if (socket.errored) other.destroy();
      else other.destroySoon();
      resolve();
    };
    if (socket.closed) end();
    else socket.once('close', end);
  });
}
