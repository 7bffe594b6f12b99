import type { Command } from 'commander';
import { Coverage, type CoverageEntry } from '../../../cdc-bridge/coverage.ts';
import { type CoverageLine, coverageReport, hasGap } from '../../../cdc-bridge/mapping/coverage-report.ts';
import { compileMapping } from '../../../cdc-bridge/mapping/mapping.ts';
import type { RowOp } from '../../../cdc-bridge/mapping/row-change.ts';
import { recordedBinlog } from '../../../cdc-bridge/recorded-binlog.ts';
import { Catalogue } from '../../../cdc-bridge/source/catalogue.ts';
import type { LegacyDatabase } from '../../../cdc-bridge/source/legacy-database.ts';
import { readSchema } from '../../../cdc-bridge/source/legacy-schema.ts';
import { compileStepShield } from '../../../cdc-bridge/streaming/shielded-step.ts';
import { allTables } from '../../bridge-slice.ts';
import { bridgeStatus } from '../../bridge-status.ts';
import { databaseOf, withLegacyDatabase } from '../../legacy-access.ts';
import { loadMappingFunctions } from '../../mapping-functions.ts';
import { dim, green, print, red, table, yellow } from '../../print.ts';
import { openSystem, type System } from '../../system.ts';

interface CoverageOptions {
  config: string;
  json?: boolean;
  file?: string;
  failOn?: 'unmapped';
}

/** A line of the table, with what was counted where something was. */
type CountedLine = CoverageLine & { readonly seen?: CoverageEntry };

/** `strangler cdc coverage`: what of the legacy database is mapped, left out on purpose, or was thought of by nobody. */
export function addCoverage(cdc: Command): void {
  cdc
    .command('coverage')
    .description('every table, operation and column: mapped, ignored on purpose, or unmapped')
    .option('--file <binlog>', 'count the changes of a recorded binlog instead of those of the running bridge')
    .addOption(cdc.createOption('--fail-on <what>', 'exit with 1 when there is any').choices(['unmapped']))
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<CoverageOptions>();
      const lines = await coverage(openSystem(options.config), options.file);
      const unmapped = lines.filter(isIncomplete).length;
      print(options, { lines, unmapped }, () => describe(lines, unmapped));
      if (options.failOn && unmapped > 0) process.exitCode = 1;
    });
}

async function coverage(system: System, file: string | undefined): Promise<CountedLine[]> {
  const database = databaseOf(system);
  const ops: RowOp[] = database.snapshotMode === 'never' ? ['c', 'u', 'd'] : ['r', 'c', 'u', 'd'];
  return withLegacyDatabase(database, async (legacy) => {
    const lines = coverageReport(allTables(system.configuration.capabilities), await readSchema(legacy), ops);
    const seen = file === undefined ? await countsOfBridge(system) : await countsOfFile(system, legacy, file);
    return lines.map((line) => {
      const counts = seen.find(({ table, op }) => table === line.table && op === line.op);
      return counts ? { ...line, seen: counts } : line;
    });
  });
}

/** Since it started; nothing when it does not run, for the table is true without it. */
async function countsOfBridge(system: System): Promise<readonly CoverageEntry[]> {
  try {
    return (await bridgeStatus(system)).coverage;
  } catch (error) {
    if ((error as { code?: string }).code !== 'away') throw error;
    return [];
  }
}

async function countsOfFile(system: System, legacy: LegacyDatabase, file: string): Promise<CoverageEntry[]> {
  const database = databaseOf(system);
  const tables = allTables(system.configuration.capabilities);
  const mapping = compileMapping(tables, await loadMappingFunctions(system));
  const shield = compileStepShield(tables, database.hashKey);
  const counts = new Coverage(tables);
  for await (const recorded of recordedBinlog(file, database, await Catalogue.load(legacy))) {
    const { rows, piece } = shield(recorded);
    for (const [index, { kind }] of mapping.of(rows, piece === undefined).entries())
      counts.count(rows[index]!, kind === 'unclear' ? 'parked' : kind);
  }
  return counts.entries();
}

/** Whether the mapping leaves something open, or a change was counted that neither a rule nor a reason covers. */
function isIncomplete(line: CountedLine): boolean {
  return hasGap(line) || (line.seen?.unmapped ?? 0) > 0;
}

const operations = { r: 'read', c: 'create', u: 'update', d: 'delete' } as const;

function describe(lines: readonly CountedLine[], unmapped: number): string {
  const rows = lines.map((line) => [
    line.table,
    operations[line.op],
    kindText(line),
    counted(line.seen),
    columnsText(line),
  ]);
  const verdict =
    unmapped === 0
      ? green('everything is mapped or ignored on purpose')
      : red(`${unmapped} of ${lines.length} have something that is unmapped`);
  return [table(['table', 'operation', 'it is', 'changes', 'columns'], rows), '', verdict].join('\n');
}

function kindText({ operation }: CoverageLine): string {
  if (operation.kind === 'ignored') return `ignored: ${operation.reason}`;
  return operation.kind === 'unmapped' ? red('unmapped') : 'mapped';
}

function counted(seen: CoverageEntry | undefined): string {
  if (!seen) return '';
  const { mapped = 0, ignored = 0, unmapped = 0, parked = 0, covered = 0 } = seen;
  const all = String(mapped + ignored + unmapped + parked + covered);
  return unmapped > 0 ? `${all}, ${red(`${unmapped} unmapped`)}` : all;
}

function columnsText({ unmappedColumns, ignoredColumns, seen }: CountedLine): string {
  const unmapped = unmappedColumns.map((name) => {
    const count = seen?.unmappedColumns?.[name];
    return yellow(count === undefined ? name : `${name} (${count})`);
  });
  const ignored = Object.entries(ignoredColumns).map(([name, reason]) => dim(`${name}: ${reason}`));
  return [...(unmapped.length > 0 ? [`unmapped: ${unmapped.join(', ')}`] : []), ...ignored].join('; ');
}
