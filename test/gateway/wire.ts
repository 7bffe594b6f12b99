import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

/** A TCP connection seen as text (latin1), to say and read exactly what is on the wire. */
export class Wire {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #received = '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  get received(): string {
    return this.#received;
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Resolves with everything received so far once it matches; rejects, with what was received, when the connection closes before. */
  async until(pattern: RegExp, deadlineMs = 10_000): Promise<string> {
    const deadline = Date.now() + deadlineMs;
    while (!pattern.test(this.#received)) {
      const late = Date.now() > deadline;
      if (late || this.socket.closed) {
        throw new Error(
          `expected ${pattern}, the connection ${late ? 'is silent' : 'closed'} after ${JSON.stringify(this.#received.slice(0, 2_000))}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return this.#received;
  }

  /** Everything received until the other end closed. */
  async end(): Promise<string> {
    await this.closed;
    return this.#received;
  }
}

/** A client's raw connection. */
export async function connect(port: number): Promise<Wire> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  const wire = new Wire(socket);
  await once(socket, 'connect');
  return wire;
}

/** A server that says what a test wants, byte for byte. */
export interface RawServer {
  readonly port: number;
  readonly origin: string;
  /** Connections accepted so far, in order. */
  readonly connections: readonly Wire[];
  /** The n-th connection, from 0, when it is there. */
  connection(index: number): Promise<Wire>;
  stop(): Promise<void>;
}

/** Starts a server on a free port; `serve` runs for each connection. */
export async function rawServer(serve: (wire: Wire) => unknown = () => {}): Promise<RawServer> {
  const connections: Wire[] = [];
  const server = net.createServer((socket) => {
    const wire = new Wire(socket);
    connections.push(wire);
    void Promise.resolve(serve(wire)).catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    connections,
    connection: (index) => eventually(() => connections[index]),
    async stop() {
      for (const { socket } of connections) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The first value that is not undefined or false; rejects after 10 s. */
export async function eventually<T>(find: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`expected ${find} to come true within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Answers each request on a connection with the same bytes; bodies are not looked at. */
export function answering(bytes: string): (wire: Wire) => Promise<void> {
  return async (wire) => {
    let seen = 0;
    wire.socket.on('data', () => {
      const heads = wire.received.split('\r\n\r\n').length - 1;
      for (; seen < heads; seen += 1) wire.send(bytes);
    });
  };
}
