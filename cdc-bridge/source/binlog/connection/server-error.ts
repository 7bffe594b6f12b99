import { BridgeError, type BridgeErrorCode } from '../../../errors.ts';
import { PayloadCursor } from './payload-cursor.ts';

/** An ERR packet: 0xff, number (2), `#` and SQL state (5) once the handshake is over, text. */
export interface ServerError {
  readonly number: number;
  readonly message: string;
}

export function parseServerError(payload: Buffer): ServerError {
  const fields = new PayloadCursor(payload, 1);
  const number = fields.uint(2);
  const message = fields.rest().toString('utf8');
  return { number, message: message.replace(/^#.{5}/s, '') };
}

/** ER_ACCESS_DENIED_ERROR and its kin without a plugin's help (MariaDB). */
const passwordErrors = new Set([1045, 1698]);
/** Other accounts than expected: no database right, host not allowed, expired password, locked account, missing privilege. */
const refusals = new Set([1044, 1130, 1142, 1227, 1370, 1820, 1862, 3118, 4151]);
/** A server that is full, goes down, or whose operator ended our connection. */
const passing = new Set([1040, 1053, 1129, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 1317, 1927, 3169, 4031]);
/** MariaDB's ER_SLAVE_SAME_ID. */
const sameReplicaId = 4052;
/** ER_MASTER_FATAL_ERROR_READING_BINLOG says in its text what it means. */
const fatalReadingBinlog = 1236;
/** GTIDs that the server has purged or never had: MySQL's ER_MASTER_HAS_PURGED_REQUIRED_GTIDS, MariaDB's ER_GTID_POSITION_NOT_FOUND… */
const positions = new Set([1789, 1945, 1947, 1955]);

const readingBinlog: readonly (readonly [RegExp, BridgeErrorCode])[] = [
  // MySQL goes on to say that its last binlog file may have been truncated.
  [/more GTIDs than the source has/i, 'position-not-on-server'],
  [/same server_uuid\/server_id|same server_id/i, 'server-id-taken'],
  [/max_allowed_packet/i, 'event-too-large'],
  [/crc|checksum|bogus data|binlog truncated|corrupt|decrypt/i, 'binlog-undecodable'],
];

/** While what the error came, and what an unknown number then means. */
export interface ErrorContext {
  readonly doing: string;
  /** The password came from a file, which may hold another one next time. */
  readonly passwordFromFile: boolean;
  readonly otherwise: BridgeErrorCode;
}

/** What the server's error means to the bridge. */
export function bridgeErrorOf(error: ServerError, context: ErrorContext): BridgeError {
  return new BridgeError(
    codeOf(error, context),
    `legacy database, ${context.doing}: ${error.message} (error ${error.number})`,
  );
}

function codeOf({ number, message }: ServerError, { passwordFromFile, otherwise }: ErrorContext): BridgeErrorCode {
  if (/insecure transport/i.test(message)) return 'legacy-tls';
  if (passwordErrors.has(number) && passwordFromFile && !/privilege/i.test(message)) return 'password-refused';
  if (passwordErrors.has(number) || refusals.has(number)) return 'legacy-refused';
  if (positions.has(number)) return 'position-not-on-server';
  if (number === sameReplicaId) return 'server-id-taken';
  if (number === fatalReadingBinlog)
    return readingBinlog.find(([text]) => text.test(message))?.[1] ?? 'position-not-on-server';
  return passing.has(number) ? 'legacy-unreachable' : otherwise;
}
