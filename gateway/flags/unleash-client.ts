import { EventEmitter } from 'node:events';
import { Strategy, Unleash, type UnleashConfig, UnleashEvents } from 'unleash-client';
import type { RequestFacts } from '../routing/decision.ts';
import { noVariant } from './compile-feature.ts';
import { isObject } from './compile-strategy.ts';
import { CompiledFlags, type FlagDefinitions } from './compiled-flags.ts';
import { type Evaluations, evaluationsOf, failedFlag, unknownFlag } from './evaluations.ts';
import type { Feature } from './feature.ts';
import { appName, contextOf } from './flag-context.ts';
import type { FlagEvaluation, FlagRoute } from './flag-source.ts';
import type { FlagUses } from './flag-uses.ts';

/**
 * The one door to unleash-client, the only evaluator of flags: wherever flags come from, they mean what they mean to any other Unleash
 * SDK. Definitions in which chance decides nothing are compiled for the hot path; for the others the client is asked for each request.
 */
export interface FlagClient {
  /** Local and synchronous; never throws. A flag that is not known, or whose definition is malformed, is off and says so. */
  evaluate(flag: string, facts: RequestFacts, route: FlagRoute | undefined): FlagEvaluation;
  stop(): void;
}

/** What an evaluator complains about: a strategy it does not know, a server it does not reach. */
export type OnComplaint = (complaint: unknown) => void;

/** What every client needs. */
export interface FlagClientOptions {
  /** Told of each evaluation. */
  readonly uses: FlagUses;
  readonly onComplaint: OnComplaint;
}

/** A client whose definitions are looked up where they are kept: a change is effective in the same tick. */
export function clientOfMemory(definitions: FlagDefinitions, options: FlagClientOptions): FlagClient {
  const repository = new MemoryRepository(definitions);
  const client = new Unleash({
    appName,
    // Required, but nothing is ever asked there: flags come from memory and metrics are off.
    url: 'http://127.0.0.1/api/',
    repository: repository as unknown as NonNullable<UnleashConfig['repository']>,
    disableMetrics: true,
    disableAutoStart: true,
    skipInstanceCountWarning: true,
  });
  listen(client, options.onComplaint);
  repository.emit(UnleashEvents.Ready);
  return new CompilingClient(client, definitions, options);
}

/** Where the last good copy of a server's flags is kept. */
export interface FlagStorage {
  get(appName: string): Promise<unknown>;
  set(appName: string, copy: unknown): Promise<void>;
}

/** What a client that polls needs to know. */
export interface PollingOptions extends FlagClientOptions {
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
}

/**
 * A client that polls an Unleash server. Not streaming: the open-source server has none, and while a stream is broken unleash-client tells
 * nobody, so that stale flags would look fresh. Its reports of use are off: see use-reports.ts.
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
    disableMetrics: true,
    skipInstanceCountWarning: true,
  });
  listen(client, onComplaint);
  client.on(UnleashEvents.Ready, onReady);
  client.on(UnleashEvents.Changed, onContact);
  client.on(UnleashEvents.Unchanged, onContact);
  return new CompilingClient(client, polledDefinitions(client), options);
}

function listen(client: Unleash, onComplaint: OnComplaint): void {
  client.on(UnleashEvents.Error, onComplaint);
  client.on(UnleashEvents.Warn, onComplaint);
}

/** What unleash-client keeps of the last answer, features and segments. An answer with anything new makes all of them new objects. */
function polledDefinitions(client: Unleash): FlagDefinitions {
  const repository = repositoryOf(client);
  return {
    feature: (name) => ownFeature(name, repository.getToggle(name)),
    segment: (id) => repository.getSegment(id),
    segmentsRevision: () => undefined,
  };
}

interface Repository extends EventEmitter {
  getToggle(name: string): unknown;
  getSegment(id: number): unknown;
}

function repositoryOf(client: Unleash): Repository {
  return (client as unknown as { repository: Repository }).repository;
}

/** unleash-client's own reading of constraints. */
const constraints = new Strategy('constraints');
type Constraint = Parameters<Strategy['checkConstraint']>[0];

/** Asks what is compiled, else the client. */
class CompilingClient implements FlagClient {
  readonly #client: Unleash;
  readonly #definitions: FlagDefinitions;
  readonly #compiled: CompiledFlags;
  readonly #options: FlagClientOptions;
  /** Of definitions that are not compiled. */
  readonly #evaluations = new WeakMap<Feature, Evaluations>();

  constructor(client: Unleash, definitions: FlagDefinitions, options: FlagClientOptions) {
    this.#client = client;
    this.#definitions = definitions;
    this.#options = options;
    this.#compiled = new CompiledFlags(definitions, (constraint, context) =>
      constraints.checkConstraint(constraint as unknown as Constraint, context),
    );
  }

  evaluate(flag: string, facts: RequestFacts, route: FlagRoute | undefined): FlagEvaluation {
    const feature = this.#definitions.feature(flag);
    if (!feature) return unknownFlag;
    const evaluation = this.#evaluate(flag, feature, facts, route);
    this.#options.uses.count(flag, evaluation, appName);
    return evaluation;
  }

  stop(): void {
    this.#client.destroy();
    // unleash-client stops listening to its repository before the repository's last request has ended; that request's failure would then
    // be an `error` event without a listener, which ends the process.
    repositoryOf(this.#client).on(UnleashEvents.Error, () => {});
  }

  /** unleash-client throws at some malformed definitions; a server may send anything. */
  #evaluate(flag: string, feature: Feature, facts: RequestFacts, route: FlagRoute | undefined): FlagEvaluation {
    try {
      return this.#compiled.evaluate(feature, facts, route) ?? this.#ask(flag, feature, facts, route);
    } catch (error) {
      this.#options.onComplaint(error);
      return failedFlag;
    }
  }

  #ask(flag: string, feature: Feature, facts: RequestFacts, route: FlagRoute | undefined): FlagEvaluation {
    const evaluations = this.#evaluationsOf(feature);
    const { name, featureEnabled } = this.#client.getVariant(flag, contextOf(facts, route));
    if (!featureEnabled) return evaluations.off;
    return name === noVariant ? evaluations.on : evaluations.variant(name);
  }

  #evaluationsOf(feature: Feature): Evaluations {
    const known = this.#evaluations.get(feature);
    if (known) return known;
    const made = evaluationsOf(feature);
    this.#evaluations.set(feature, made);
    return made;
  }
}

/** unleash-client keeps flags as members of a plain object: asked for `constructor` it gives what all objects have. */
function ownFeature(name: string, found: unknown): Feature | undefined {
  return isObject(found) && found.name === name ? (found as Feature) : undefined;
}

/** What unleash-client asks of a repository, answered from memory. */
class MemoryRepository extends EventEmitter {
  readonly #definitions: FlagDefinitions;

  constructor(definitions: FlagDefinitions) {
    super();
    this.#definitions = definitions;
  }

  getToggle(name: string): Feature | undefined {
    return this.#definitions.feature(name);
  }

  getToggles(): Feature[] {
    return [];
  }

  getTogglesWithSegmentData(): Feature[] {
    return [];
  }

  getSegment(id: number): unknown {
    return this.#definitions.segment(id);
  }

  async start(): Promise<void> {}

  stop(): void {
    this.removeAllListeners();
  }
}
