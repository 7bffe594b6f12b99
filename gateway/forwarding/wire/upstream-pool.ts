import type { UpstreamConfig } from '../config.ts';
import type { Deadlines } from './deadlines.ts';
import { UpstreamConnection } from './upstream-connection.ts';

/** Connections kept to one upstream while nobody uses them, at most. */
const maxIdle = 256;
/** How long one is kept, unless the upstream says less. */
const keptMs = 30_000;
/** Towards an upstream that says how long it keeps a connection, we give up so much earlier. */
const marginMs = 1_000;

/** Connections to one upstream that nobody uses, the last used at the end. */
interface Origin {
  readonly idle: UpstreamConnection[];
  /** What the upstream said last in Keep-Alive, and what it means. */
  hint: string | undefined;
  keptMs: number;
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

  /** A connection for a request: the one used last where it was idle for at most `idleMs`, else a new one. Undefined: a new one. */
  take(upstream: UpstreamConfig, idleMs: number | undefined): UpstreamConnection {
    const origin = this.#origin(upstream.origin);
    const connection = this.#kept(origin, idleMs) ?? this.#connect(upstream, origin);
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
    connection.deadlineMs = this.#deadlines.after(origin.keptMs);
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

  #kept({ idle }: Origin, idleMs: number | undefined): UpstreamConnection | undefined {
    const last = idle.at(-1);
    if (!last || idleMs === undefined || this.#deadlines.nowMs - last.idleSinceMs > idleMs) return undefined;
    idle.pop();
    last.deadlineMs = Number.POSITIVE_INFINITY;
    return last;
  }

  #connect(upstream: UpstreamConfig, { idle }: Origin): UpstreamConnection {
    return new UpstreamConnection(upstream, this.#deadlines, (connection) => {
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
      connection.destroy();
    });
  }

  #origin(name: string): Origin {
    const known = this.#origins.get(name);
    if (known) return known;
    const made: Origin = { idle: [], hint: undefined, keptMs };
    this.#origins.set(name, made);
    return made;
  }
}

/** `timeout=5, max=100` → 4 s. */
function takeHint(origin: Origin, hint: string | undefined): void {
  const seconds = /\btimeout=(\d{1,6})\b/i.exec(hint ?? '')?.[1];
  origin.hint = hint;
  origin.keptMs = seconds === undefined ? keptMs : Math.max(0, Math.min(keptMs, Number(seconds) * 1_000 - marginMs));
}
