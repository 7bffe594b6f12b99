import { EventEmitter } from 'node:events';
import { Unleash, type UnleashConfig, UnleashEvents } from 'unleash-client';
import type { RequestFacts } from '../routing/decision.ts';
import { type Feature, strategiesText } from './feature.ts';
import type { FlagEvaluation, FlagRoute } from './flag-source.ts';

/**
 * The one door to unleash-client, the only evaluator of flags: wherever flags come from, they mean what they mean to any other Unleash
 * SDK.
 */
export interface FlagClient {
  /** Local and synchronous. A flag that is not known is off, and says so. */
  evaluate(flag: string, facts: RequestFacts, route: FlagRoute | undefined): FlagEvaluation;
  stop(): void;
}

/** What an evaluator complains about: a strategy it does not know, a server it does not reach. */
export type OnComplaint = (complaint: unknown) => void;

const appName = 'strangler-gateway';

/** A client whose flags are looked up where they are kept: a change is effective in the same tick. */
export function clientOfMemory(lookUp: (flag: string) => Feature | undefined, onComplaint: OnComplaint): FlagClient {
  const repository = new MemoryRepository(lookUp);
  const client = new Unleash({
    appName,
    // Required, but nothing is ever asked there: flags come from memory and metrics are off.
    url: 'http://127.0.0.1/api/',
    repository: repository as unknown as NonNullable<UnleashConfig['repository']>,
    disableMetrics: true,
    disableAutoStart: true,
    skipInstanceCountWarning: true,
  });
  listen(client, onComplaint);
  repository.emit(UnleashEvents.Ready);
  return clientOf(client);
}

/** Where the last good copy of a server's flags is kept. */
export interface FlagStorage {
  get(appName: string): Promise<unknown>;
  set(appName: string, copy: unknown): Promise<void>;
}

/** What a client that polls needs to know. */
export interface PollingOptions {
  /** Unleash's API, `http://unleash:4242/api`. */
  readonly url: string;
  readonly token: string;
  readonly refreshMs: number;
  readonly timeoutMs: number;
  readonly storage: FlagStorage;
  /** Flags are known: from the server or from storage. */
  onReady(): void;
  /** The server answered a poll. */
  onContact(): void;
  onComplaint: OnComplaint;
}

/**
 * A client that polls an Unleash server. Not streaming: the open-source server has none, and while a stream is broken unleash-client tells
 * nobody, so that stale flags would look fresh.
 */
export function clientOfServer(options: PollingOptions): FlagClient {
  const { url, token, refreshMs, timeoutMs, storage, onReady, onContact, onComplaint } = options;
  const client = new Unleash({
    appName,
    url,
    customHeaders: { Authorization: token },
    refreshInterval: refreshMs,
    timeout: timeoutMs,
    storageProvider: storage as NonNullable<UnleashConfig['storageProvider']>,
    skipInstanceCountWarning: true,
  });
  listen(client, onComplaint);
  client.on(UnleashEvents.Ready, onReady);
  client.on(UnleashEvents.Changed, onContact);
  client.on(UnleashEvents.Unchanged, onContact);
  return clientOf(client);
}

function listen(client: Unleash, onComplaint: OnComplaint): void {
  client.on(UnleashEvents.Error, onComplaint);
  client.on(UnleashEvents.Warn, onComplaint);
}

function clientOf(client: Unleash): FlagClient {
  return {
    evaluate(flag, facts, route) {
      if (isInherited(flag)) return unknownFlag;
      const feature = client.getFeatureToggleDefinition(flag) as Feature | undefined;
      if (!feature) return unknownFlag;
      const { on, off } = outcomesOf(feature);
      return client.isEnabled(flag, contextOf(facts, route)) ? on : off;
    },
    stop() {
      client.destroy();
      silence(client);
    },
  };
}

/**
 * unleash-client stops listening to its repository before the repository's last request has ended; that request's failure would then be
 * an `error` event without a listener, which ends the process.
 */
function silence(client: Unleash): void {
  const { repository } = client as unknown as { repository: EventEmitter };
  repository.on(UnleashEvents.Error, () => {});
}

function contextOf({ user, assignmentKey, clientAddress }: RequestFacts, route: FlagRoute | undefined) {
  return {
    userId: user ?? assignmentKey,
    sessionId: assignmentKey,
    remoteAddress: clientAddress,
    properties: { route: route?.name, capability: route?.capability },
  };
}

/** unleash-client keeps flags and counts as members of plain objects: asked for `__proto__` it would write to the prototype of all objects. */
function isInherited(flag: string): boolean {
  return flag in Object.prototype;
}

const unknownFlag: FlagEvaluation = { enabled: false, reason: 'unknown flag' };

/** Optimization: both outcomes of a definition are made once, not per request. */
const outcomes = new WeakMap<object, { readonly on: FlagEvaluation; readonly off: FlagEvaluation }>();

function outcomesOf(feature: Feature) {
  const known = outcomes.get(feature);
  if (known) return known;
  const strategies = Array.isArray(feature.strategies) ? strategiesText(feature) : '';
  const made = {
    on: { enabled: true, reason: strategies ? `on: a strategy applies (${strategies})` : 'on for everybody' },
    off: { enabled: false, reason: feature.enabled ? `off: no strategy applies (${strategies})` : 'switched off' },
  };
  outcomes.set(feature, made);
  return made;
}

/** What unleash-client asks of a repository, answered from memory. */
class MemoryRepository extends EventEmitter {
  readonly #lookUp: (flag: string) => Feature | undefined;

  constructor(lookUp: (flag: string) => Feature | undefined) {
    super();
    this.#lookUp = lookUp;
  }

  getToggle(name: string): Feature | undefined {
    return this.#lookUp(name);
  }

  getToggles(): Feature[] {
    return [];
  }

  getTogglesWithSegmentData(): Feature[] {
    return [];
  }

  /** Built-in flags have no segments: a strategy that names one does not apply. */
  getSegment(): undefined {
    return undefined;
  }

  async start(): Promise<void> {}

  stop(): void {
    this.removeAllListeners();
  }
}
