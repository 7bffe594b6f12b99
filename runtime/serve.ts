import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A listening server and how to end it. */
export interface Served {
  readonly port: number;
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** Stops accepting, lets requests in flight finish, then cuts what is left after `drainMs`. Resolves when every socket is closed. */
  stop(drainMs?: number): Promise<void>;
}

/** Listens and resolves when the port is open; rejects with the system's error (EADDRINUSE, EACCES). Port 0 takes any free one. */
export async function serve(
  server: Server,
  { port, host = '127.0.0.1' }: { port: number; host?: string },
): Promise<Served> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  return {
    port: bound,
    url: urlOf('http', host, bound),
    async stop(drainMs = 5_000) {
      const closed = once(server, 'close');
      server.close();
      // A connection becomes idle when its last answer is out; it would then wait for its client's keep-alive timeout.
      const idle = setInterval(() => server.closeIdleConnections(), 20);
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, drainMs);
      await closed;
      clearInterval(idle);
      clearTimeout(cut);
    },
  };
}

/** `http://127.0.0.1:8080`, `https://[::1]:8443` */
export function urlOf(scheme: 'http' | 'https', host: string, port: number): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
