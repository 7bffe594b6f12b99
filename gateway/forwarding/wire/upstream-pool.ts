import type { UpstreamConfig } from '../config.ts';
import type { Deadlines } from './deadlines.ts';
import { type UpstreamAddress, UpstreamConnection } from './upstream-connection.ts';

/** Connections kept to one upstream while nobody uses them, at most. */
const maxIdle = 256;
/** How long one is kept, unless the upstream says less. */
const maxIdleMs = 30_000;
/**
 * How long one may have been idle for a request that cannot be sent twice. An upstream may close an idle connection while a request is on its
 * way; nobody can know then whether it was served. Applications keep connections for 5 s and more, so a second is on the safe side of all.
 */
const maxIdleOnceMs = 1_000;
/** Towards an upstream that says how long it keeps a connection, we give up so much earlier. */
const marginMs = 1_000;

/** Connections to one upstream that nobody uses, the last used at the end. */
interface Origin {
  readonly address: UpstreamAddress;
  readonly idle: UpstreamConnection[];
  /** What the upstream said last in Keep-Alive, and what it means. */
  hint: string | undefined;
  idleMs: number;
}

/** The kept connections to all upstreams, by origin. */
export class UpstreamPool {
  readonly #deadlines: Deadlines;
  readonly #origins = new Map<string, Origin>();
  readonly #used = new Set<UpstreamConnection>();
  #stopped = false;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /** A connection for a request: the one used last, where it may be, else a new one. */
  take(upstream: UpstreamConfig, reuse: 'repeatable' | 'once' | 'never'): UpstreamConnection {
    const origin = this.#origin(upstream.origin);
    const kept = reuse === 'never' ? undefined : this.#kept(origin, reuse);
    const connection = kept ?? this.#connect(origin, upstream.connectTimeoutMs);
    this.#used.add(connection);
    return connection;
  }

  /** Takes a connection back whose last request was sent whole and whose last answer was read whole. `hint`: the answer's Keep-Alive. */
  release(connection: UpstreamConnection, { origin: name }: UpstreamConfig, hint: string | undefined): void {
    const origin = this.#origin(name);
    this.#used.delete(connection);
    connection.user = undefined;
    if (!connection.usable || this.#stopped || origin.idle.length >= maxIdle) {
      connection.destroy();
      return;
    }
    if (hint !== origin.hint) takeHint(origin, hint);
    connection.uses += 1;
    connection.idleSinceMs = this.#deadlines.nowMs;
    connection.deadlineMs = this.#deadlines.after(origin.idleMs);
    origin.idle.push(connection);
  }

  /** Closes a connection whose state is in doubt. */
  discard(connection: UpstreamConnection): void {
    this.#used.delete(connection);
    connection.destroy();
  }

  /** Closes all connections, those in use too. */
  stop(): void {
    this.#stopped = true;
    for (const connection of this.#used) this.discard(connection);
    for (const { idle } of this.#origins.values()) {
      for (const connection of idle.splice(0)) connection.destroy();
    }
  }

  #kept({ idle }: Origin, reuse: 'repeatable' | 'once'): UpstreamConnection | undefined {
    const last = idle.at(-1);
    if (!last) return undefined;
    if (reuse === 'once' && this.#deadlines.nowMs - last.idleSinceMs > maxIdleOnceMs) return undefined;
    idle.pop();
    last.deadlineMs = Number.POSITIVE_INFINITY;
    return last;
  }

  #connect({ address, idle }: Origin, connectTimeoutMs: number): UpstreamConnection {
    return new UpstreamConnection(address, connectTimeoutMs, this.#deadlines, (connection) => {
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
      connection.destroy();
    });
  }

  #origin(name: string): Origin {
    const known = this.#origins.get(name);
    if (known) return known;
    const made = { address: addressOf(name), idle: [], hint: undefined, idleMs: maxIdleMs };
    this.#origins.set(name, made);
    return made;
  }
}

function addressOf(origin: string): UpstreamAddress {
  const { hostname, port } = new URL(origin);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) };
}

/** `timeout=5, max=100` → 4 s. */
function takeHint(origin: Origin, hint: string | undefined): void {
  const seconds = /\btimeout=(\d{1,6})\b/i.exec(hint ?? '')?.[1];
  origin.hint = hint;
  origin.idleMs =
    seconds === undefined ? maxIdleMs : Math.max(0, Math.min(maxIdleMs, Number(seconds) * 1_000 - marginMs));
}
