import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { BridgeError } from '../../../errors.ts';
import type { ConnectionSettings, TlsMaterial } from '../../connection-settings.ts';
import { malformed, PacketReader, PayloadTooLarge, packet } from './packet-reader.ts';

/** What a server says before the dump is short; one that says more is no database, or an evil one. */
const maxRepliesBytes = 2 ** 20;
const keepAliveMs = 30_000;

/** Told of the events of a dump, chunk by chunk, and once of its end: without an error where the server said that the binlog ends. */
export interface DumpListener {
  /** Called for every chunk, also one in which no event ends. */
  events(events: Buffer[]): void;
  /** What it means that an event of this size came and was refused. */
  tooLarge(bytes: number): BridgeError;
  ended(failure: BridgeError | undefined, payload: Buffer | undefined): void;
}

/**
 * A connection that speaks in packets: first question and answer, then, from `follow` on, the events of a dump. Whatever goes wrong ends the
 * socket and is thrown once as BridgeError by whoever waits, or told to the listener.
 */
export class PacketSocket {
  #socket: Socket;
  readonly #reader = new PacketReader(maxRepliesBytes);
  readonly #packets: Buffer[] = [];
  #wake: (() => void) | undefined;
  #failure: BridgeError | undefined;
  #repliesBytes = 0;
  #deadline: NodeJS.Timeout | undefined;
  #listener: DumpListener | undefined;
  #doing = 'connecting';
  #unlisten: () => void = () => {};

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#deadline = setTimeout(() => {
      this.fail(unreachable(`no answer within ${timeoutMs} ms while ${this.#doing}`));
    }, timeoutMs);
    this.#listen(socket);
  }

  /** Starts to connect; everything up to `follow` has to happen within the settings' time. */
  static open({ host, port, socketPath, connectTimeoutMs }: ConnectionSettings): PacketSocket {
    const address = socketPath === undefined ? { host, port } : { path: socketPath };
    const socket = connect({ ...address, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs });
    return new PacketSocket(socket, connectTimeoutMs);
  }

  /** The next payload. */
  async next(doing: string): Promise<Buffer> {
    this.#doing = doing;
    await this.#until(() => this.#packets.length > 0);
    return this.#packets.shift()!;
  }

  /** Answers the payload that came last. */
  send(payload: Buffer): void {
    this.#socket.write(packet(this.#reader.sequence++, payload));
  }

  /** Begins a new exchange. */
  command(payload: Buffer): void {
    this.#reader.sequence = 0;
    this.send(payload);
  }

  /** Encrypts what follows. Throws BridgeError `legacy-tls` when the server's certificate is not to be trusted, or ours not readable. */
  async secure(material: TlsMaterial): Promise<void> {
    if (!this.#reader.atBoundary || this.#packets.length > 0) throw malformed('found bytes between greeting and TLS');
    this.#doing = 'agreeing on TLS';
    const raw = this.#socket;
    this.#unlisten();
    const secured = encrypted(raw, material);
    let isSecured = false;
    secured.once('secureConnect', () => {
      isSecured = true;
      this.#wakeUp();
    });
    this.#socket = secured;
    this.#listen(secured);
    await this.#until(() => isSecured);
  }

  /** From now on the server sends events. */
  follow(maxEventBytes: number, listener: DumpListener): void {
    clearTimeout(this.#deadline);
    this.#doing = 'following the binlog';
    this.#reader.expectEvents(maxEventBytes);
    this.#listener = listener;
    if (this.#failure) listener.ended(this.#failure, undefined);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends the connection for this reason; the first reason stays. */
  fail(failure: BridgeError): void {
    if (this.#failure) return;
    this.#failure = failure;
    this.destroy();
    this.#wakeUp();
    this.#listener?.ended(failure, undefined);
  }

  destroy(): void {
    clearTimeout(this.#deadline);
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    const data = (chunk: Buffer) => this.#receive(chunk);
    const end = () => this.fail(unreachable(`the server ended the connection while ${this.#doing}`));
    const close = () => this.fail(unreachable(`the connection was closed while ${this.#doing}`));
    socket.on('data', data).on('end', end).on('close', close);
    socket.on('error', (error) => this.fail(socketFailure(error, this.#doing)));
    // Of the socket below TLS only errors are still heard: one that nobody hears would end the process.
    this.#unlisten = () => void socket.off('data', data).off('end', end).off('close', close);
  }

  #receive(chunk: Buffer): void {
    if (this.#failure) return;
    const payloads: Buffer[] = [];
    let problem: unknown;
    try {
      if (!this.#listener) this.#countReply(chunk);
      this.#reader.push(chunk, payloads);
    } catch (error) {
      problem = error;
    }
    this.#deliver(payloads);
    if (problem !== undefined) this.fail(this.#meaningOf(problem));
  }

  #countReply(chunk: Buffer): void {
    this.#repliesBytes += chunk.length;
    if (this.#repliesBytes > maxRepliesBytes) throw malformed('found no end of answers before the dump');
  }

  #meaningOf(problem: unknown): BridgeError {
    if (!(problem instanceof PayloadTooLarge)) return problem as BridgeError;
    return this.#listener?.tooLarge(problem.bytes) ?? malformed(`found an answer of ${problem.bytes} bytes`);
  }

  #deliver(payloads: Buffer[]): void {
    if (!this.#listener) {
      this.#packets.push(...payloads);
      this.#wakeUp();
      return;
    }
    this.#listener.events(payloads);
    const { notEvent } = this.#reader;
    if (notEvent) this.#listener.ended(undefined, notEvent);
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function unreachable(what: string, cause?: unknown): BridgeError {
  return new BridgeError('legacy-unreachable', `binlog connection: ${what}`, { cause });
}

/** An error of the system is a state of the network; every other one comes from TLS: a certificate, or an alert of the other side. */
function socketFailure(error: NodeJS.ErrnoException, doing: string): BridgeError {
  if (error.syscall !== undefined && error.code !== 'EPROTO')
    return unreachable(`${error.message} while ${doing}`, error);
  return error.code === undefined || /^(ECONNRESET|EPIPE|ERR_STREAM_\w+)$/.test(error.code)
    ? unreachable(`${error.message} while ${doing}`, error)
    : tlsFailure(error);
}

function tlsFailure(error: Error): BridgeError {
  return new BridgeError('legacy-tls', `binlog connection, TLS: ${error.message}`, { cause: error });
}

function encrypted(socket: Socket, { verify, ...material }: TlsMaterial): TLSSocket {
  try {
    return connectTls({
      socket,
      ...material,
      rejectUnauthorized: verify !== 'none',
      ...(verify === 'identity' ? {} : { checkServerIdentity: () => undefined }),
    });
  } catch (error) {
    throw tlsFailure(error as Error);
  }
}
