import type { UserSource } from './user-source.ts';

/** Something by which users are recognised works less well than it should. */
export interface IdentityTrouble {
  /** ISO 8601 in UTC. */
  readonly since: string;
  readonly detail: string;
}

/** A source of users with what it keeps open. */
export interface OpenedSource {
  readonly source: UserSource;
  /** Undefined while all is well. */
  trouble(): IdentityTrouble | undefined;
  stop(): Promise<void>;
}
