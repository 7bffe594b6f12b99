import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { urlOf } from '../../runtime/serve.ts';

/** Where connections are accepted for other processes. Nothing is read of them here. */
export class Door {
  #server: Server | undefined;

  /** Resolves with the public URL; rejects with the system's error when the port cannot be opened (EADDRINUSE, EACCES). */
  async open(
    { port, host, tls }: { readonly port: number; readonly host: string; readonly tls?: unknown },
    accepted: (socket: Socket) => void,
  ): Promise<string> {
    this.#server = createServer({ pauseOnConnect: true }, accepted).listen(port, host);
    await once(this.#server, 'listening');
    return urlOf(tls === undefined ? 'http' : 'https', host, (this.#server.address() as AddressInfo).port);
  }

  /** Accepts no more. */
  close(): void {
    this.#server?.close();
  }
}
