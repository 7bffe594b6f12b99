import { z } from 'zod';
import { byteSize, duration } from '../runtime/config-values.ts';
import type { MappingFunctions } from './mapping/mapping-function.ts';
import { type TablesConfig, tableEntry } from './mapping/table-mapping.ts';
import { checkConnection, databaseTls } from './source/connection-config.ts';
import { databaseTopics } from './source/debezium/topics-config.ts';

/** Keys of `legacy` that the bridge reads. */
export const bridgeLegacy = {
  database: z
    .strictObject({
      url: z
        .string()
        .regex(
          /^(mysql|mariadb):\/\/[^/\s]+\/[^/?#\s]+(\?socket=\/[^&#\s]+)?$/,
          'expected mysql://USER:PASSWORD@HOST:PORT/DATABASE',
        )
        .meta({
          description:
            'The legacy database: mysql://USER:PASSWORD@HOST:PORT/DATABASE; ?socket=/PATH asks it over a Unix socket.',
        }),
      passwordFile: z.string().min(1).optional().meta({
        description:
          'File with the password, read anew for every connection, so that it can be exchanged while the bridge runs.',
      }),
      tls: databaseTls.optional(),
      maxEvent: byteSize.prefault('1GiB').meta({
        description: 'The largest binlog event that is taken into memory: a row, or the rows of one statement.',
      }),
      maxHeld: byteSize.prefault('64MiB').meta({
        description:
          'How much is held in memory of transactions that may still be rolled back: XA transactions, and those with savepoints.',
      }),
      undecodable: z.enum(['stop', 'park']).default('stop').meta({
        description:
          'What becomes of rows that cannot be decoded. stop: the bridge stops. park: the change is parked without its rows, the rest flows.',
      }),
      serverId: z.int().min(1).max(4_294_967_295).default(4242).meta({
        description:
          'The replica id that the bridge reads the binlog under; no replica or other reader may have the same.',
      }),
      servers: z
        .array(z.union([z.string().min(1), z.int().min(1)]).transform(String))
        .optional()
        .meta({
          description:
            'Servers that replicate from one another: the server_id of each MariaDB, the server_uuid of each MySQL. The bridge may go on at another of them by GTID.',
        }),
      topics: databaseTopics.optional(),
      hashKey: z.string().min(16).optional().meta({
        description:
          'The secret under which columns are hashed, at least 16 characters: ${NAME} takes it from the environment.',
      }),
      keepRowChanges: z
        .union([
          z.literal(false),
          z.strictObject({
            bytes: byteSize.prefault('256MiB').meta({ description: 'How much is kept; the oldest goes first.' }),
            age: duration.prefault('7d').meta({ description: 'How long each is kept.' }),
          }),
        ])
        .prefault({})
        .meta({
          description:
            'Row changes of mapped tables are kept as they were read, behind the columns sections, so that a changed mapping can be tried on them. false keeps none.',
        }),
      knownRows: z.boolean().default(true).meta({
        description:
          'The log keeps of each row of the imported tables what it was last told, behind the columns sections, so that strangler cdc snapshot can tell real differences. false keeps none, for good: a table that was imported so cannot be read again.',
      }),
      snapshot: z
        .strictObject({
          chunkRows: z.int().min(1).max(100_000).default(5_000).meta({ description: 'The most rows read at once.' }),
          chunkMs: z.int().min(1).max(10_000).default(100).meta({
            description: 'How long reading a chunk should take; chunks grow and shrink towards it.',
          }),
          maxThreadsRunning: z.int().min(1).optional().meta({
            description:
              'The snapshot waits while more threads than this are at work on the server (its status variable Threads_running).',
          }),
          pauseMs: z.int().min(0).max(60_000).default(0).meta({ description: 'Rest between two chunks.' }),
        })
        .prefault({})
        .meta({ description: 'How hard reading the rows that are there already may lean on the server.' }),
      snapshotMode: z.enum(['initial', 'never']).default('initial').meta({
        description:
          'initial: mapped rows that are there already become events first. never: only changes from now on.',
      }),
    })
    .superRefine((database, context) => {
      for (const issue of checkConnection(database)) context.addIssue({ code: 'custom', ...issue });
    })
    .optional()
    .meta({ description: 'The legacy database; without it there is routing and shadow traffic only.' }),
};

/** Keys of a capability that the bridge reads. */
export const bridgeCapability = {
  tables: z
    .record(z.string(), tableEntry)
    .optional()
    .meta({ description: 'The tables of this capability, and which row change is which event.' }),
};

export type DatabaseConfig = NonNullable<z.infer<typeof bridgeLegacy.database>>;

export { checkTables } from './mapping/check-tables.ts';
// The composition root needs these two beside the schema, and knows only this file.
export type { MappingFunction, MappingFunctions } from './mapping/mapping-function.ts';
export type { TablesConfig } from './mapping/table-mapping.ts';

/** What a bridge is started with: the joined slices of the configuration. */
export interface BridgeConfig {
  /** Names the cursor `bridge:NAME` and goes into every event id: changing it imports everything again. */
  readonly name: string;
  readonly database: DatabaseConfig;
  readonly tables: TablesConfig;
  /** The functions that the tables name with `use`, by the place that does. */
  readonly functions?: MappingFunctions | undefined;
  /** How long the bridge's lease outlives a bridge that has stopped renewing it. Default 5,000. */
  readonly leaseMs?: number;
  /** Where /head and /status are served. Default 8083; 0 takes any free port. */
  readonly port?: number;
  readonly host?: string;
}
