import { randomBytes } from 'node:crypto';
import { signUser } from '../../contract/signed-user.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { RunningPart } from '../../runtime/part.ts';
import type { RequestIds } from '../accounting/request-ids.ts';
import type { UpstreamConfig } from '../forwarding/config.ts';
import type { Cidr } from '../routing/cidr.ts';
import { openLegacyAsker } from './ask-legacy.ts';
import { AssignmentCookies } from './assignment.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { IdentityConfig, SessionUserConfig, UserSourceConfig } from './config.ts';
import { Hosts } from './host.ts';
import { type IdentityTelemetry, identityTelemetry } from './identity-telemetry.ts';
import { NamedUsers } from './named-users.ts';
import type { IdentityTrouble, OpenedSource } from './opened-source.ts';
import { Peers } from './peers.ts';
import { type ReceivedHead, Reception, type ReceptionPorts, type Supposition } from './reception.ts';
import { SessionUsers, type SessionUsersPorts } from './session-users.ts';
import { Units } from './units.ts';
import { nobody, type Recognition, recogniseUser, type UserSource } from './user-source.ts';

const maxKnownUsers = 10_000;

/** What identity stands on. */
export interface IdentityPorts {
  readonly config: IdentityConfig;
  readonly trustedProxies: readonly Cidr[];
  readonly ids: RequestIds;
  /** Is asked whose a session is. */
  readonly legacy: UpstreamConfig;
  /** Where the last good key sets are kept. */
  readonly dataDir: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Milliseconds since 1970; the clock when left out. */
  readonly now?: () => number;
}

/** Tells who asks, and which unit percentages and flags are decided on. */
export interface Identity extends RunningPart {
  /**
   * Reads a request's head. A promise only where the user has to be asked for: a token or a session that was not seen before. Throws, or rejects with, a
   * GatewayError (400) for what cannot be forwarded without guessing.
   */
  receive(head: ReceivedHead, supposed?: Supposition): Reception | Promise<Reception>;
  /** Reads a request's head without waiting for anybody: a user who would have to be asked for is nobody. Throws as above. */
  receiveAtOnce(head: ReceivedHead): Reception;
  /** Legacy has answered this client's write, which may have logged it in or out: who its session is will be asked again. */
  wrote(reception: Reception): void;
  troubles(): readonly IdentityTrouble[];
}

/**
 * Starts identity. Neither the issuer of tokens nor legacy needs to be there; until they are their users are nobody. Rejects when a file of keys
 * cannot be read.
 */
export async function startIdentity(ports: IdentityPorts): Promise<Identity> {
  const { config } = ports;
  const telemetry = identityTelemetry(ports.logger, ports.metrics);
  const opened = await Promise.all(config.user.map((source) => openSource(source, ports, telemetry)));
  const sources = opened.map(({ source }) => source);
  const reading = readingPorts(ports, sources);
  const mayWait = config.user.some(({ kind }) => kind === 'jwt' || kind === 'session');
  return {
    receive(head, supposed) {
      const reception = new Reception(head, reading, supposed);
      if (!mayWait || supposed?.user !== undefined) return reception;
      const found = recogniseUser(sources, reception);
      return found instanceof Promise
        ? found.then((recognition) => reception.recognisedAs(recognition))
        : reception.recognisedAs(found);
    },
    receiveAtOnce: (head) => new Reception(head, reading),
    wrote(reception) {
      for (const source of sources) source.forget?.(reception);
    },
    troubles: () => opened.flatMap(({ trouble }) => trouble() ?? []),
    async stop() {
      await Promise.all(opened.map(({ stop }) => stop()));
    },
  };
}

async function openSource(
  config: UserSourceConfig,
  { legacy, dataDir, now = Date.now }: IdentityPorts,
  telemetry: IdentityTelemetry,
): Promise<OpenedSource> {
  switch (config.kind) {
    case 'cookie':
    case 'header':
      return { source: new NamedUsers(config), trouble: () => undefined, stop: async () => {} };
    case 'session':
      return openSessions(config, legacy, { telemetry, now });
    case 'jwt': {
      // The library for tokens is loaded where tokens are read.
      const { openTokens } = await import('./open-tokens.ts');
      return openTokens(config, { dataDir, telemetry, now });
    }
    default:
      return config satisfies never;
  }
}

function openSessions(
  config: SessionUserConfig,
  legacy: UpstreamConfig,
  common: Pick<SessionUsersPorts, 'telemetry' | 'now'>,
): OpenedSource {
  const asker = openLegacyAsker(legacy);
  const preservesHost = legacy.host === 'preserve';
  const source = new SessionUsers(config, { ...common, askLegacy: asker.ask, preservesHost });
  return { source, trouble: () => source.trouble, stop: async () => asker.stop() };
}

function readingPorts(
  { config, trustedProxies, ids, now }: IdentityPorts,
  sources: readonly UserSource[],
): ReceptionPorts {
  const signed = new BoundedCache<string>(maxKnownUsers);
  return {
    hosts: new Hosts(),
    peers: new Peers(trustedProxies),
    assignments: new AssignmentCookies(config.assignment, config.secrets, now),
    units: new Units(config.salt, randomBytes),
    ids,
    withoutCookie: config.assignment.withoutCookie,
    recognise: (evidence) => withoutWaiting(recogniseUser(sources, evidence)),
    sign(user) {
      const known = signed.get(user);
      if (known !== undefined) return known;
      const value = signUser(user, config.secrets[0]);
      signed.set(user, value);
      return value;
    },
  };
}

/** Sources that wait were asked before, when the request was received. */
function withoutWaiting(found: Recognition | Promise<Recognition>): Recognition {
  return found instanceof Promise ? nobody : found;
}
