import { once } from 'node:events';
import type { Command } from 'commander';
import type { DatabaseConfig } from '../../../cdc-bridge/config.ts';
import { recordedBinlog } from '../../../cdc-bridge/recorded-binlog.ts';
import { binlogSource } from '../../../cdc-bridge/source/binlog/binlog-source.ts';
import { Catalogue } from '../../../cdc-bridge/source/catalogue.ts';
import type { SourceTransaction } from '../../../cdc-bridge/source/change-source.ts';
import type { LegacyDatabase } from '../../../cdc-bridge/source/legacy-database.ts';
import { reconnecting } from '../../../cdc-bridge/source/reconnecting.ts';
import { compileStepShield } from '../../../cdc-bridge/streaming/shielded-step.ts';
import { type Envelope, Envelopes, isTruncation } from '../../../cdc-bridge/tail/envelope.ts';
import type { JsonObject } from '../../../contract/json.ts';
import { parseSourcePosition } from '../../../contract/source-position.ts';
import { CommandError } from '../../admin-client.ts';
import { allTables, bridgeName } from '../../bridge-slice.ts';
import { databaseOf, withLegacyDatabase } from '../../legacy-access.ts';
import { dim, yellow } from '../../print.ts';
import { openSystem, type System } from '../../system.ts';
import { untilStopped } from '../../until-stopped.ts';
import { programVersion } from '../../version.ts';
import { collected, otherServerId } from './verify.ts';

interface TailOptions {
  readonly config: string;
  readonly json?: boolean;
  readonly from: string;
  readonly file?: string;
  readonly table?: string[];
}

/** `strangler cdc tail`: every row change as it is committed, until Ctrl-C. */
export function addTail(cdc: Command): void {
  cdc
    .command('tail')
    .description('print row changes as they are committed; with --json in Debezium’s envelope, one document a line')
    .option('--from <position>', 'now, or a position such as mariadb:0-1-57', 'now')
    .option('--file <binlog>', 'read a binlog file to its end instead of following the server')
    .option('--table <name>', 'this table alone; may be given again', collected)
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<TailOptions>();
      await untilStopped((signal) => tail(openSystem(options.config), options, signal));
    });
}

async function tail(system: System, options: TailOptions, signal: AbortSignal): Promise<void> {
  const config = databaseOf(system);
  const shield = compileStepShield(allTables(system.configuration.capabilities), config.hashKey);
  const wanted = (table: string) => options.table?.includes(table) ?? true;
  await withLegacyDatabase(config, async (database) => {
    const envelopes = new Envelopes(
      { version: programVersion, connector: database.identity.flavour, name: bridgeName, db: database.name },
      Date.now,
    );
    const out = new Lines(options.json ? JSON.stringify : humanLine);
    for await (const transaction of transactions(database, config, options, signal)) {
      const shielded = shield(transaction);
      reportUnread(shielded);
      for (const envelope of envelopes.of(shielded, wanted)) if (!out.closed) await out.write(envelope);
      if (out.closed || signal.aborted) return;
    }
  });
}

async function* transactions(
  database: LegacyDatabase,
  config: DatabaseConfig,
  { from, file }: TailOptions,
  signal: AbortSignal,
): AsyncGenerator<SourceTransaction, void, undefined> {
  if (file !== undefined) {
    yield* recordedBinlog(file, config, await Catalogue.load(database));
    return;
  }
  const position = from === 'now' ? await database.head() : checked(from);
  const connection = binlogSource(database, { ...config, serverId: otherServerId() }, () => {});
  const source = reconnecting(connection, ({ message }, waitMs) => note(`${message}; trying again in ${waitMs} ms`));
  for await (const batch of source.follow({ position }, signal)) yield* batch;
}

function checked(position: string): string {
  try {
    parseSourcePosition(position);
    return position;
  } catch (error) {
    throw new CommandError(`--from: ${(error as Error).message}`);
  }
}

/** What changed rows without telling them is told beside the changes, so that nothing is missing in silence. */
function reportUnread({ unread, schemaChanges = [], unsettled, position }: SourceTransaction): void {
  const untold = unread.filter((write) => !isTruncation(write));
  for (const { reason, sql } of untold) note(`${reason}: ${sql}  (${position})`);
  const known = new Set(unread.map(({ sql }) => sql));
  for (const sql of schemaChanges) if (!known.has(sql)) note(`schema-change: ${sql}  (${position})`);
  if (unsettled) note(`unsettled: ${unsettled}  (${position})`);
}

function note(line: string): void {
  process.stderr.write(`${yellow(line)}\n`);
}

/** Lines to standard output, written no faster than they are taken; a reader that goes away ends them quietly. */
class Lines {
  readonly #text: (envelope: Envelope) => string;
  closed = false;

  constructor(text: (envelope: Envelope) => string) {
    this.#text = text;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      this.closed = true;
    });
  }

  async write(envelope: Envelope): Promise<void> {
    if (process.stdout.write(`${this.#text(envelope)}\n`) || this.closed) return;
    await once(process.stdout, 'drain').catch((error) => {
      if (!this.closed) throw error;
    });
  }
}

function humanLine({ source, op, before, after }: Envelope): string {
  const at = new Date(source.ts_ms).toISOString();
  return `${dim(at)}  ${dim(source.gtid ?? source.file)}  ${operations[op]} ${source.table}  ${brief(before, after)}`;
}

const operations = { c: 'created', u: 'updated', d: 'deleted', r: 'read', t: 'emptied' } as const;

/** Of an update what changed, behind the first column, which is the key more often than not. */
function brief(before: JsonObject | null, after: JsonObject | null): string {
  const row = after ?? before ?? {};
  if (!before || !after) return JSON.stringify(row);
  const [first] = Object.entries(before);
  const changed = Object.keys(after).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  const key = first && !changed.includes(first[0]) ? [`${first[0]}=${JSON.stringify(first[1])}`] : [];
  const changes = changed.map((name) => `${name}: ${JSON.stringify(before[name])} → ${JSON.stringify(after[name])}`);
  return [...key, ...changes].join('  ');
}
