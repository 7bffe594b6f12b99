/** Sends requests at fixed moments, whether earlier ones are answered or not: a slow answer delays nothing that comes after it. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { nowMs } from '../clock.ts';
import { endWithParent } from '../helper-process.ts';

/** So many requests a second for so long, each on the connection that has waited longest. */
export interface PacedTurn {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
  readonly request: string;
  /** Length of the whole answer's body in bytes. */
  readonly answerBytes: number;
}

/** Milliseconds from the moment a request was due to its answer's last byte, in the order of the answers. */
export interface PacedAnswer {
  readonly latencies?: readonly number[];
  readonly error?: string;
}

interface Lane {
  readonly socket: Socket;
  readonly due: number[];
  missing: number;
}

async function run({ port, perSecond, seconds, connections, request, answerBytes }: PacedTurn): Promise<number[]> {
  const latencies: number[] = [];
  let failure: Error | undefined;
  const open = async (): Promise<Lane> => {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    const lane: Lane = { socket, due: [], missing: 0 };
    socket.on('data', (chunk: Buffer) => read(lane, chunk, answerBytes, latencies));
    socket.on('error', (error) => {
      failure = error;
    });
    await new Promise((resolve) => socket.once('connect', resolve));
    return lane;
  };
  const lanes = await Promise.all(Array.from({ length: connections }, open));
  const bytes = Buffer.from(request);
  const startAt = nowMs() + 50;
  const count = perSecond * seconds;
  for (let n = 0; n < count && !failure; n += 1) {
    const dueAt = startAt + (n * 1_000) / perSecond;
    while (dueAt > nowMs()) await delay(dueAt - nowMs() > 2 ? 1 : 0);
    const lane = lanes[n % connections]!;
    lane.due.push(dueAt);
    lane.socket.write(bytes);
  }
  const deadline = nowMs() + 10_000;
  while (latencies.length < count && !failure && nowMs() < deadline) await delay(5);
  for (const { socket } of lanes) socket.destroy();
  if (failure) throw failure;
  if (latencies.length < count) throw new Error(`${count - latencies.length} of ${count} requests were not answered`);
  return latencies;
}

/** On loopback an answer's head comes in one piece. */
function read(lane: Lane, chunk: Buffer, answerBytes: number, latencies: number[]): void {
  if (lane.missing === 0) lane.missing = chunk.indexOf('\r\n\r\n') + 4 + answerBytes;
  lane.missing -= chunk.length;
  if (lane.missing <= 0) {
    lane.missing = 0;
    latencies.push(nowMs() - lane.due.shift()!);
  }
}

process.on('message', (turn: PacedTurn) =>
  run(turn).then(
    (latencies) => process.send!({ latencies } satisfies PacedAnswer),
    (error: Error) => process.send!({ error: error.message } satisfies PacedAnswer),
  ),
);
process.send!({ port: 0 });
endWithParent();
