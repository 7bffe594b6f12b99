import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { GatewayError } from '../../gateway/errors.ts';
import type { ClientSide } from '../../gateway/forwarding/client-side.ts';
import { readAnswerHead } from '../../gateway/forwarding/wire/answer-grammar.ts';
import { ChunkedReader } from '../../gateway/forwarding/wire/chunked-reader.ts';
import { readRequestHead } from '../../gateway/forwarding/wire/request-grammar.ts';
import { WireServer } from '../../gateway/forwarding/wire/wire-server.ts';
import { MemorySocket } from './memory-socket.ts';
import type { Random } from './random.ts';
import type { ReadMessage } from './read-with-node.ts';

/** What wire takes of a connection's bytes, and from where on it does not. */
export interface WireReading {
  readonly messages: readonly ReadMessage[];
  /** Where the first request begins that it does not take. */
  readonly rest: number;
  /** It handed the rest over, rather than wait for more of it. */
  readonly handedOver: boolean;
}

/** Reads requests by wire's grammar, as the definition says it. */
export function readRequestsWithWire(bytes: string): WireReading {
  const messages: ReadMessage[] = [];
  let at = 0;
  for (;;) {
    const reading = at === bytes.length ? undefined : readRequestHead(bytes.slice(at));
    if (reading?.kind !== 'ordinary') return { messages, rest: at, handedOver: reading?.kind === 'unusual' };
    const { method, target, fields, bodyBytes, end, keepAlive } = reading;
    const body = bytes.slice(at + end, at + end + bodyBytes);
    at += end + body.length;
    const whole = body.length === bodyBytes;
    messages.push({ start: `${method} ${target}`, fields, body, whole });
    if (!whole || !keepAlive) return { messages, rest: at, handedOver: false };
  }
}

/** A head in more pieces than this would be handed over for being slow. */
const maxPieces = 10;
const answer = new GatewayError('bad-target', 'every request is refused here');

/** The same by a whole listener, given the bytes in pieces: heads only, since it keeps no bodies. */
export async function readRequestsWithListener(inputs: readonly string[], random: Random): Promise<WireReading[]> {
  const read = inputs.map((bytes) => openListener(bytes, random));
  for (let left = true; left; ) {
    left = false;
    for (const reading of read) left = reading.pushNext() || left;
    await turn();
  }
  return read.map((reading) => reading.end());
}

function openListener(bytes: string, random: Random) {
  const messages: ReadMessage[] = [];
  const socket = new MemorySocket();
  let handedOver: Buffer | undefined;
  const listener = new WireServer(
    { headMs: 60_000, idleMs: 60_000, stallMs: 60_000 },
    {
      handle(client: ClientSide) {
        const { method, url, rawHeaders } = client.head;
        messages.push({ start: `${method} ${url}`, fields: rawHeaders, body: '', whole: true });
        client.refuse(answer);
      },
      handOver(given) {
        handedOver = (given.read() as Buffer | null) ?? Buffer.alloc(0);
        given.on('error', () => {}).on('data', (more: Buffer) => (handedOver = Buffer.concat([handedOver!, more])));
      },
      refused() {},
      stalled() {},
    },
  );
  listener.take(socket as unknown as Socket, {
    remoteAddress: '127.0.0.1',
    secure: false,
    clientCertificate: 'not-asked',
  });
  let at = 0;
  let pushes = 0;
  return {
    pushNext(): boolean {
      if (at >= bytes.length || socket.destroyed) return false;
      pushes += 1;
      const rest = pushes === maxPieces || random.once(4);
      const to = rest ? bytes.length : at + 1 + random.below(40);
      socket.push(Buffer.from(bytes.slice(at, to), 'latin1'));
      at = to;
      return at < bytes.length;
    },
    end(): WireReading {
      listener.stop();
      socket.destroy();
      return { messages, rest: bytes.length - (handedOver?.length ?? 0), handedOver: handedOver !== undefined };
    },
  };
}

/** What wire makes of an answer behind which the connection ends; undefined: it refuses it, or would show it to be broken off. */
export function readAnswerWithWire(bytes: string, method: string): ReadMessage | undefined {
  let at = 0;
  for (;;) {
    const head = readAnswerHead(bytes, at, method === 'HEAD');
    if (head.kind !== 'answer' || head.status === 101) return undefined;
    const { status, reason, fields, framing, bodyBytes, end } = head;
    // Where a head ends is counted from the beginning of the text.
    at = end;
    if (status < 200) continue;
    const body =
      framing === 'chunked'
        ? chunkedBody(bytes, at)
        : plainBody(bytes, at, framing === 'close' ? undefined : bodyBytes);
    return body === undefined ? undefined : { start: `${status} ${reason}`, fields, body, whole: true };
  }
}

function plainBody(bytes: string, at: number, length: number | undefined): string | undefined {
  if (length === undefined) return bytes.slice(at);
  return at + length <= bytes.length ? bytes.slice(at, at + length) : undefined;
}

function chunkedBody(text: string, at: number): string | undefined {
  const pieces: string[] = [];
  const bytes = Buffer.from(text, 'latin1');
  const chunks = new ChunkedReader((piece, from, to) => pieces.push(piece.toString('latin1', from, to)));
  const chunksEnd = chunks.read(bytes, at, bytes.length);
  if (chunks.inTrailers) chunks.read(bytes, chunksEnd, bytes.length);
  return chunks.done ? pieces.join('') : undefined;
}
