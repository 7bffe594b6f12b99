import { parseSourcePosition } from '../../contract/source-position.ts';
import { BridgeError } from '../errors.ts';
import type { LegacyDatabase } from '../source/legacy-database.ts';
import { type BridgeCursor, requireSameServer } from './cursor.ts';
import { passedAt } from './gtid.ts';

/**
 * The stored place as the server in the configuration has it. Another server than the one it was taken from is accepted when both are declared to
 * replicate from one another and it proves to have what was read: the binlog's files are then others, its transactions the same. Throws BridgeError
 * `another-server`, or `replica-behind` when it has not come so far yet.
 */
export async function cursorOn(
  database: Pick<LegacyDatabase, 'identity' | 'head' | 'query'>,
  cursor: BridgeCursor,
  declared: readonly string[] = [],
): Promise<BridgeCursor> {
  const { server, progress } = cursor;
  const { identity } = database;
  const isDeclared = declared.includes(server.id) && declared.includes(identity.id);
  if (server.flavour !== identity.flavour || !isDeclared || server.id === identity.id) {
    requireSameServer(server, identity);
    return cursor;
  }
  const position = parseSourcePosition(progress.position);
  if (position.kind === 'file') throw refusal(identity.id, `${progress.position} is a place in the other one's files`);
  if (progress.unfinished !== undefined)
    throw refusal(
      identity.id,
      `transaction ${progress.unfinished} is on the log in part, and has to be finished where it was begun`,
    );
  const head = await database.head(position.kind);
  if (!passedAt(head).covers(passedAt(progress.position)))
    throw new BridgeError(
      'replica-behind',
      `server ${identity.id} is at ${head}, the stored position is ${progress.position}`,
    );
  if (position.kind === 'mariadb') await requireHistory(database, position.gtids);
  const { file: _filesOfTheOther, ...place } = progress;
  return { ...cursor, server: identity, progress: place };
}

/** MariaDB's sequence numbers are those of a domain, and every installation has a domain 0: who wrote them must be the same as well. */
async function requireHistory(database: Pick<LegacyDatabase, 'identity' | 'query'>, gtids: string): Promise<void> {
  const [row] = await database.query('SELECT @@GLOBAL.gtid_binlog_state AS state');
  const state = new Map(
    entries(String(row!.state)).map(([domain, server, sequence]) => [`${domain}-${server}`, sequence]),
  );
  for (const [domain, server, sequence] of entries(gtids)) {
    if ((state.get(`${domain}-${server}`) ?? -1n) >= sequence) continue;
    throw refusal(database.identity.id, `its binlog never had transaction ${domain}-${server}-${sequence}`);
  }
}

function entries(gtids: string): [domain: string, server: string, sequence: bigint][] {
  const named = gtids.split(',').filter((gtid) => gtid !== '');
  return named.map((gtid) => {
    const [domain = '', server = '', sequence = ''] = gtid.split('-');
    return [domain, server, BigInt(sequence)];
  });
}

function refusal(id: string, why: string): BridgeError {
  return new BridgeError('another-server', `server ${id} is declared in legacy.database.servers, but ${why}`);
}
