import { unclearReasons } from './mapping/unclear.ts';

const beginAnew =
  'begin anew with an empty log: stop, move log.db* and *-view.v*.db* out of the data directory (they keep what the new side wrote itself), start';

/**
 * Everything that stops the bridge loudly: code → what it means and what the operator should do.
 * A change that only the mapping cannot understand does not stop it: it is parked, see `parkingReasons`.
 */
export const bridgeErrors = {
  'preflight-failed': {
    title: 'The legacy database is not set up so that its changes can be read without loss.',
    remedy: 'Run the SQL shown beside each problem, then start again.',
  },
  'legacy-unreachable': {
    title: 'The legacy database does not answer, or the connection to it was lost.',
    remedy: 'Check address, account and network. A running bridge tries again by itself.',
  },
  'legacy-refused': {
    title: 'The legacy database does not know the account or the database that the configuration names.',
    remedy: 'Correct legacy.database.url, or create the account; a running bridge ends, so that nobody waits in vain.',
  },
  'password-refused': {
    title: 'The legacy database refuses the account with the password that legacy.database.passwordFile holds.',
    remedy: 'Put the right password into the file. A running bridge reads it anew at every attempt.',
  },
  'legacy-tls': {
    title: 'The connection to the legacy database cannot be protected by TLS as the configuration asks.',
    remedy: 'Enable TLS on the server, or correct legacy.database.tls: ca, servername and verify, or cert and key.',
  },
  'server-id-taken': {
    title: 'Another replica or reader follows this server with the same replica id; the server serves one of them.',
    remedy: 'Stop the other one, or set another legacy.database.serverId, then start again.',
  },
  'event-too-large': {
    title: 'The binlog holds an event that is larger than what may be taken into memory or sent.',
    remedy:
      'Raise legacy.database.maxEvent, or max_allowed_packet of the server, whichever the message names, then start again.',
  },
  'another-server': {
    title: 'The database is not the one that the stored position belongs to.',
    remedy: `Point the configuration back to the first server; where the new one replicates from it, declare both in legacy.database.servers; or ${beginAnew}.`,
  },
  'replica-behind': {
    title: 'The server that the bridge was moved to has not replicated yet what the bridge has read.',
    remedy:
      'Wait: the bridge is started again until it has. When it stays so, replication stands still there, or it is no replica: point the configuration back to the first server.',
  },
  'position-not-on-server': {
    title:
      'The server no longer has, or never had, the binlog from the stored position on: purged, or restored from a backup.',
    remedy: `Restore the binlog files if they exist. When they were purged: strangler cdc snapshot --from-now, then start again, which tells what the tables have become. When the server was restored from a backup: ${beginAnew}.`,
  },
  'binlog-undecodable': {
    title: 'The binlog holds something that this reader cannot decode; going on would lose changes.',
    remedy: `Turn off the server feature named in the message, then ${beginAnew}.`,
  },
  'binlog-corrupt': {
    title: 'The binlog holds bytes that are not those that were written: a checksum or a length does not fit.',
    remedy: `Start again, which reads the place anew. When it stays so, the file is damaged: verify it with mysqlbinlog --verify-binlog-checksum on the server, restore it, or ${beginAnew}.`,
  },
  'transaction-too-large': {
    title: 'A transaction that must be held until its end is known is larger than may be held in memory.',
    remedy: 'Raise legacy.database.maxHeldMegabytes, or have the application write it in smaller transactions.',
  },
  'debezium-unreachable': {
    title: 'No broker of legacy.database.topics answers, or the connection was lost.',
    remedy: 'Check addresses, account and network. A running bridge tries again by itself.',
  },
  'debezium-unusable': {
    title: 'What the topics hold cannot be read without loss as it is.',
    remedy:
      'Change the connector, or the configuration, as the message says; changed settings hold for new messages only.',
  },
  'debezium-trimmed': {
    title: 'The topics no longer hold, or never held, the messages from the stored offset on.',
    remedy: `Keep messages longer than the bridge may be away (retention.ms), then ${beginAnew}.`,
  },
  'source-changed': {
    title: 'The stored position belongs to the other kind of source: the binlog, or the topics of a Debezium.',
    remedy: `Put legacy.database.topics back as it was. To read the other source, give the bridge a generation of its own: ${beginAnew}.`,
  },
  'cursor-unreadable': {
    title: 'The stored position is damaged or was written by a newer version.',
    remedy: `Run the version that wrote it, or ${beginAnew}.`,
  },
  fenced: {
    title: 'Another bridge of the same name has taken over; this one has written nothing since.',
    remedy:
      'Leave the other one at work. Started again, this one waits for it. When nobody meant to run two, find out why this one stood still for so long.',
  },
  'lock-refused': {
    title:
      'Writes would have to wait for a moment so that tables can be compared, and the account may not make them wait.',
    remedy:
      'Grant it: GRANT RELOAD ON *.* TO the account. On MariaDB tables of InnoDB alone need no lock: name them with --table.',
  },
  'no-such-table': {
    title: 'A table that was asked for is not in the legacy database.',
    remedy: 'Correct the name; names of tables are as SHOW TABLES spells them.',
  },
  'bridge-at-work': {
    title: 'A bridge is at work, whose lease is needed.',
    remedy: 'Stop the bridge first, and start it again afterwards.',
  },
  'remap-refused': {
    title: 'The kept row changes cannot be mapped again by another mapping without loss.',
    remedy: 'Do what the message says of each reason, then run strangler cdc remap again; nothing has been switched.',
  },
  'log-refused': {
    title: 'The event log refused an append, so the position was not advanced.',
    remedy:
      'Read the cause. An event id used twice with different payloads means that mapping or source changed under a repeat.',
  },
} as const;

export type BridgeErrorCode = keyof typeof bridgeErrors;

/** Why the bridge stopped, or could not start. `retriable` says whether trying again unchanged can help. */
export class BridgeError extends Error {
  override readonly name = 'BridgeError';
  readonly code: BridgeErrorCode;
  readonly retriable: boolean;
  constructor(code: BridgeErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.retriable = code === 'legacy-unreachable' || code === 'debezium-unreachable' || code === 'password-refused';
  }
}

/** What the operator should do about an error that stopped the bridge; undefined for one that is not in the list. */
export function remedyOf(error: Error): string | undefined {
  return error instanceof BridgeError ? bridgeErrors[error.code].remedy : undefined;
}

/** Every refusal over HTTP: code → status, title and what the caller should do. */
export const bridgeProblems = {
  'not-found': { status: 404, title: 'There is no such resource.', remedy: 'Ask for one of the paths in the detail.' },
  'method-not-allowed': { status: 405, title: 'Only GET is allowed.', remedy: 'Use GET or HEAD.' },
  'bad-wait': { status: 400, title: 'The time to wait is malformed.', remedy: 'Give waitMs as whole milliseconds.' },
  'bridge-behind': {
    status: 504,
    title: 'The bridge has not passed the binlog head.',
    remedy: 'Ask again, or wait longer; when it stays so, look at lagTransactions in /status.',
  },
  'bridge-stopped': {
    status: 503,
    title: 'The bridge has stopped.',
    remedy: 'Read the detail; it is one of the errors that stop the bridge.',
  },
  'not-ready': {
    status: 503,
    title: 'The bridge is not following the binlog yet.',
    remedy: 'Wait for the initial snapshot, or for the database to come back.',
  },
  unavailable: {
    status: 503,
    title: 'The bridge cannot answer now.',
    remedy: 'Check that the legacy database answers.',
  },
} as const;

export type BridgeProblemCode = keyof typeof bridgeProblems;

/** Why a change was parked: code → meaning. Parked changes keep their row images on the log, in topic `parked`. */
export const parkingReasons = {
  ...unclearReasons,
  'statement-format':
    'A write was logged as its SQL text, not as rows, so the rows it changed are unknown. Settle it: strangler cdc snapshot.',
  'table-cleared':
    'The table was truncated, dropped or renamed; which rows went with it is not in the binlog. Settle it: strangler cdc snapshot TABLE.',
  'undecodable-table':
    'The rows of a table could not be decoded, and the configuration says to park the table instead of stopping.',
  'xa-prepared-before':
    'An XA transaction was committed that had been prepared before the bridge began to read, so the rows it changed are unknown.',
  'unsettled-transaction':
    'The rows may not have come to be: they are of a table of unknown engine in a transaction that was rolled back, or of an XA transaction whose end the source does not tell.',
  'behind-parked': 'An earlier change of the same stream or row is parked, and order within a stream is kept.',
} as const;

export type ParkingReason = keyof typeof parkingReasons;
