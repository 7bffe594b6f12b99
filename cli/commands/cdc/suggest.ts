import type { Command } from 'commander';
import { Document, isMap, type Pair, type Scalar, visit } from 'yaml';
import type { DatabaseConfig } from '../../../cdc-bridge/config.ts';
import { CoChanges } from '../../../cdc-bridge/mapping/suggested-aggregates.ts';
import { type SuggestedCapability, suggestMapping } from '../../../cdc-bridge/mapping/suggestion.ts';
import { recordedBinlog } from '../../../cdc-bridge/recorded-binlog.ts';
import { Catalogue } from '../../../cdc-bridge/source/catalogue.ts';
import type { LegacyDatabase } from '../../../cdc-bridge/source/legacy-database.ts';
import { readSchema } from '../../../cdc-bridge/source/legacy-schema.ts';
import { allTables } from '../../bridge-slice.ts';
import { databaseOf, withLegacyDatabase } from '../../legacy-access.ts';
import { print } from '../../print.ts';
import { openSystem, type System } from '../../system.ts';

interface SuggestOptions {
  config: string;
  json?: boolean;
  file?: string;
}

/** `strangler cdc suggest`: first capabilities, aggregates and rules for tables that nothing maps yet. */
export function addSuggest(cdc: Command): void {
  cdc
    .command('suggest')
    .description('propose capabilities and rules for tables that are not mapped, as a configuration to begin with')
    .option('--file <binlog>', 'see from a recorded binlog which tables are changed together')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<SuggestOptions>();
      const system = openSystem(options.config);
      const capabilities = await suggest(system, options.file);
      print(options, { capabilities }, () => configurationText(system, capabilities));
    });
}

async function suggest(system: System, file: string | undefined): Promise<SuggestedCapability[]> {
  const database = databaseOf(system);
  const mapped = allTables(system.configuration.capabilities);
  return withLegacyDatabase(database, async (legacy) => {
    const schema = (await readSchema(legacy)).filter(({ name }) => !Object.hasOwn(mapped, name));
    return suggestMapping(schema, await observed(database, legacy, file));
  });
}

async function observed(
  database: DatabaseConfig,
  legacy: LegacyDatabase,
  file: string | undefined,
): Promise<CoChanges> {
  const coChanges = new CoChanges();
  if (file === undefined) return coChanges;
  for await (const { rows } of recordedBinlog(file, database, await Catalogue.load(legacy)))
    coChanges.add(new Set(rows.map(({ table }) => table)));
  return coChanges;
}

/** A configuration that `strangler check` takes. The password is not repeated: it comes from the environment. */
function configurationText(
  { configuration: { legacy } }: System,
  capabilities: readonly SuggestedCapability[],
): string {
  const url = new URL(legacy.database!.url);
  url.password = '';
  const document = new Document({
    legacy: { url: legacy.url, database: { url: `\${LEGACY_DATABASE_URL:-${url.href}}` } },
    capabilities: Object.fromEntries(
      capabilities.map(({ name, tables }) => [
        name,
        { tables: Object.fromEntries(tables.map((table) => [table.name, table.entry])) },
      ]),
    ),
  });
  const reasons = new Map(capabilities.flatMap(({ tables }) => tables.map(({ name, because }) => [name, because])));
  explain(document, reasons);
  return document.toString({ lineWidth: 0 }).trimEnd();
}

/** Writes why a table belongs to another above it, and rules in one line each. */
function explain(document: Document, reasons: ReadonlyMap<string, string | undefined>): void {
  visit(document, {
    Pair(_, pair, path) {
      const key = pair.key as Scalar<string>;
      const holder = path.at(-2) as Pair<Scalar<string>> | undefined;
      const because = holder?.key?.value === 'tables' ? reasons.get(key.value) : undefined;
      if (because !== undefined) key.commentBefore = ` ${because}`;
      if (['columns', 'data', 'changed'].includes(key.value) && isMap(pair.value)) pair.value.flow = true;
      if (holder?.key?.value === 'events' && isMap(pair.value)) pair.value.flow = true;
    },
  });
}
