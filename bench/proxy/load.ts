/** Sends requests over a fixed number of kept connections, one at a time on each, as bytes made once: costs little itself. */
import { connect, type Socket } from 'node:net';
import { endWithParent } from '../helper-process.ts';

/** A turn of load: so many requests, all alike. */
export interface Turn {
  readonly port: number;
  readonly requests: number;
  readonly connections: number;
  /** Request line, header lines and body, as sent. */
  readonly request: string;
  /** The connections stay open until the next turn. */
  readonly hold?: boolean;
}

const headerEnd = Buffer.from('\r\n\r\n');

/** Resolves when all are answered 200 in full; rejects at the first other answer. */
async function run({ port, requests, connections, request, hold = false }: Turn): Promise<void> {
  for (const socket of held.splice(0)) socket.destroy();
  let left = requests;
  const take = () => left-- > 0;
  await Promise.all(Array.from({ length: connections }, () => useConnection(port, Buffer.from(request), take, hold)));
}

const held: Socket[] = [];

function useConnection(port: number, request: Buffer, take: () => boolean, hold: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let missing = 0;
    const next = () => {
      if (take()) socket.write(request);
      else if (hold) resolve(void held.push(socket));
      else socket.end(resolve);
    };
    const read = (chunk: Buffer) => {
      missing = (missing || answerLength(chunk)) - chunk.length;
      if (missing === 0) next();
    };
    socket.setNoDelay().once('connect', next).once('error', reject);
    socket.once('close', () => reject(new Error(`port ${port} closed the connection before its answer`)));
    socket.on('data', (chunk) => {
      try {
        read(chunk);
      } catch (error) {
        reject(error);
        socket.destroy();
      }
    });
  });
}

/** Length of the whole answer whose first bytes these are. On loopback a header comes in one piece. */
function answerLength(chunk: Buffer): number {
  const end = chunk.indexOf(headerEnd);
  const header = chunk.toString('latin1', 0, end);
  const length = /\r\ncontent-length: (\d+)/i.exec(header)?.[1];
  if (end < 0 || !header.startsWith('HTTP/1.1 200 ') || length === undefined)
    throw new Error(`expected an answer 200 with a length, found ${JSON.stringify(chunk.toString('latin1', 0, 500))}`);
  return end + headerEnd.length + Number(length);
}

process.on('message', (turn: Turn) =>
  run(turn).then(
    () => process.send!({}),
    (error: Error) => process.send!({ error: error.message }),
  ),
);
process.send!({ ready: true });
endWithParent();
