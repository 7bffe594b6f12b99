import { randomUUID } from 'node:crypto';
import { appName } from './flag-context.ts';
import type { FlagUses, UseBucket } from './flag-uses.ts';

/** Where an Unleash server is told of the use of its flags. */
export interface UseReportOptions {
  /** Unleash's API, `http://unleash:4242/api`. */
  readonly url: string;
  readonly token: string;
  readonly timeoutMs: number;
  /** Time between two reports. */
  readonly intervalMs: number;
  readonly uses: FlagUses;
  readonly onFailure: (failure: unknown) => void;
}

/** Strategies that are evaluated here, as the server shows them. */
const strategies = [
  'default',
  'applicationHostname',
  'gradualRolloutRandom',
  'gradualRolloutUserId',
  'gradualRolloutSessionId',
  'userWithId',
  'remoteAddress',
  'flexibleRollout',
];

/**
 * Tells an Unleash server how often its flags were asked for, as its SDKs do. unleash-client's own reports would need a call of it for every
 * evaluation, and lose what was counted while a client is replaced because the server is away. What cannot be told is told later.
 * https://docs.getunleash.io/api/register-client-metrics
 */
export class UseReports {
  readonly #options: UseReportOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #identity = { appName, instanceId: randomUUID() };
  #last: Promise<void>;

  constructor(options: UseReportOptions) {
    this.#options = options;
    this.#last = this.#register();
    this.#timer = setInterval(() => this.report(), options.intervalMs).unref();
  }

  /** Tells what was counted since the last report; resolves when the server has it or failed to take it. */
  report(): Promise<void> {
    this.#last = this.#last.then(() => this.#report());
    return this.#last;
  }

  /** A last report, and no more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.report();
  }

  async #register(): Promise<void> {
    const interval = this.#options.intervalMs;
    const started = new Date().toISOString();
    await this.#post('client/register', { ...this.#identity, strategies, started, interval });
  }

  async #report(): Promise<void> {
    const bucket = this.#options.uses.take();
    if (!bucket) return;
    const told = await this.#post('client/metrics', { ...this.#identity, bucket: jsonOf(bucket) });
    if (!told) this.#options.uses.giveBack(bucket, appName);
  }

  /** Whether the server took it. */
  async #post(path: string, body: object): Promise<boolean> {
    const { url, token, timeoutMs, onFailure } = this.#options;
    try {
      const answer = await fetch(`${url.replace(/\/$/, '')}/${path}`, {
        method: 'POST',
        // A connection kept for a minute may be one that the server has closed.
        headers: { authorization: token, 'content-type': 'application/json', connection: 'close' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
      await answer.body?.cancel();
      if (answer.ok) return true;
      onFailure(`${path}: Unleash answered ${answer.status}`);
    } catch (error) {
      onFailure(error);
    }
    return false;
  }
}

function jsonOf({ start, stop, toggles }: UseBucket) {
  return { start, stop, toggles: Object.fromEntries(toggles) };
}
