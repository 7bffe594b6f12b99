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

/** Joins two connections byte for byte, with back-pressure, until both are closed; when one closes, the other is closed too. */
export function joinSockets(client: Socket, upstream: Socket): Promise<void> {
  for (const socket of [client, upstream]) {
    socket.setTimeout(0);
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
