import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that breaks off. */
export interface CuttingProxy {
  /** The server's URL by this way. */
  readonly url: string;
  /** Connections that were cut. */
  readonly cuts: number;
  /** From now on each new connection, and every open one, ends after so many bytes from the server; undefined: never. */
  cutAfter(bytes: (() => number) | undefined): void;
  close(): Promise<void>;
}

export async function startCuttingProxy(serverUrl: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(serverUrl);
  const open = new Map<Socket, number>();
  let budget: (() => number) | undefined;
  let cuts = 0;
  const end = (client: Socket, server: Socket) => {
    open.delete(client);
    client.destroy();
    server.destroy();
  };
  const proxy = createServer((client) => {
    const server = connect({ host: hostname, port: Number(port), noDelay: true });
    open.set(client, budget?.() ?? Number.POSITIVE_INFINITY);
    for (const socket of [client, server]) socket.on('error', () => {}).on('close', () => end(client, server));
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => {
      const left = open.get(client)!;
      open.set(client, left - bytes.length);
      client.write(bytes.subarray(0, Math.max(0, left)), () => {
        if (bytes.length < left) return;
        cuts += 1;
        end(client, server);
      });
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    url: Object.assign(new URL(serverUrl), { hostname: '127.0.0.1', port: (proxy.address() as AddressInfo).port }).href,
    get cuts() {
      return cuts;
    },
    cutAfter(bytes) {
      budget = bytes;
      for (const client of open.keys()) open.set(client, bytes?.() ?? Number.POSITIVE_INFINITY);
    },
    async close() {
      for (const client of open.keys()) client.destroy();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
