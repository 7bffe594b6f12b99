import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../journal/disk-copy.ts';
import type { IdentityTelemetry } from './identity-telemetry.ts';
import { keysOfSet, type TokenKeys } from './json-web-token.ts';
import type { KeySource } from './key-source.ts';

const timeoutMs = 5_000;
const maxBytes = 1024 * 1024;
const renewEveryMs = 10 * 60_000;
const retryEveryMs = 10_000;
/** Tokens with keys that nobody knows must not make us ask the issuer all the time. */
const cooldownMs = 30_000;

/** What a remote key set stands on. */
export interface RemoteKeySetPorts {
  /** Where the last good copy is kept. */
  readonly dataDir: string;
  readonly telemetry: IdentityTelemetry;
  /** The keys are others than before: what was verified with the old ones counts no more. */
  onChange(): void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * An issuer's published key set (RFC 7517), asked for at the start, every ten minutes, and when a token names a key that it lacks, but not
 * more often than every 30 s. While the issuer does not answer the last good copy counts, also across restarts.
 */
export class RemoteKeySet implements KeySource {
  readonly #url: string;
  readonly #path: string;
  readonly #ports: RemoteKeySetPorts;
  readonly #now: () => number;
  readonly #ended = new AbortController();
  #text: string | undefined;
  #keys: TokenKeys | undefined;
  #trouble: KeySource['trouble'];
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  #keeping: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  private constructor(url: string, ports: RemoteKeySetPorts) {
    this.#url = url;
    this.#path = join(ports.dataDir, `key-set-${createHash('sha256').update(url).digest('hex').slice(0, 16)}.json`);
    this.#ports = ports;
    this.#now = ports.now;
  }

  /** Reads the copy on disk and begins to ask; does not wait for the answer. */
  static async start(url: string, ports: RemoteKeySetPorts): Promise<RemoteKeySet> {
    const set = new RemoteKeySet(url, ports);
    await set.#readCopy();
    void set.renew();
    return set;
  }

  get keys(): TokenKeys | undefined {
    return this.#keys;
  }

  get trouble(): KeySource['trouble'] {
    return this.#trouble;
  }

  renew(): Promise<void> {
    if (this.#asking) return this.#asking;
    if (this.#now() - this.#askedAtMs < cooldownMs) return Promise.resolve();
    return this.#ask();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    clearTimeout(this.#timer);
    await this.#asking;
    await this.#keeping;
  }

  #ask(): Promise<void> {
    this.#askedAtMs = this.#now();
    this.#asking ??= this.#fetch()
      .then((text) => this.#take(text))
      .catch((error) => this.#failed(error))
      .finally(() => {
        this.#asking = undefined;
        this.#askLater();
      });
    return this.#asking;
  }

  #askLater(): void {
    clearTimeout(this.#timer);
    if (this.#ended.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#ask(), this.#trouble ? retryEveryMs : renewEveryMs).unref();
  }

  async #fetch(): Promise<string> {
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(timeoutMs)]);
    const answer = await fetch(this.#url, { signal, redirect: 'error', headers: { accept: 'application/json' } });
    if (answer.status !== 200) throw new Error(`found status ${answer.status}, expected 200`);
    return textOf(answer);
  }

  /** The set counts at once; that it is kept is not waited for. */
  #take(text: string): void {
    const keys = keysOfSet(text);
    this.#trouble = undefined;
    this.#ports.telemetry.keySetFetched(this.#url);
    if (text === this.#text) return;
    this.#use(text, keys);
    this.#keeping = this.#keeping
      .then(() => replaceFile(this.#path, text))
      .catch((error) => this.#ports.telemetry.keySetCopyFailed(this.#path, error));
  }

  #use(text: string, keys: TokenKeys): void {
    this.#text = text;
    this.#keys = keys;
    this.#ports.onChange();
  }

  #failed(error: unknown): void {
    if (this.#ended.signal.aborted) return;
    const reason = reasonOf(error);
    const meanwhile = this.#keys ? 'its last good copy counts' : 'no token can be verified';
    this.#trouble = {
      since: this.#trouble?.since ?? new Date(this.#now()).toISOString(),
      detail: `${this.#url}: ${reason}; ${meanwhile}`,
    };
    this.#ports.telemetry.keySetFailed(this.#url, reason);
  }

  async #readCopy(): Promise<void> {
    try {
      const text = await readFile(this.#path, 'utf8');
      this.#use(text, keysOfSet(text));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#ports.telemetry.keySetCopyFailed(this.#path, error);
    }
  }
}

async function textOf(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`found more than ${maxBytes} bytes, expected a key set`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** `fetch failed` alone says nothing: what it was caused by does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}
