import { checkTables } from '../../cdc-bridge/config.ts';
import { gatewayProblems, gatewayWarnings } from '../../gateway/config.ts';
import type { Finding } from './explain-issue.ts';
import type { Path } from './problem.ts';
import type { Configuration } from './schema.ts';

/** What no part can see alone: keys of one part that need another's. */
export function crossCheck(configuration: Configuration): Finding[] {
  return [
    ...gatewayProblems(configuration.capabilities).map((problem) => ({ ...problem, of: 'value' as const })),
    ...tablesAreSound(configuration),
    ...tablesHaveOneCapability(configuration),
    ...tablesNeedDatabase(configuration),
    ...portsDiffer(configuration),
  ];
}

/** What is allowed and may surprise; `other` is a second place that it is about. */
export function crossWarnings({ capabilities }: Configuration): (Finding & { readonly other: Path })[] {
  return gatewayWarnings(capabilities).map((warning) => ({
    ...warning,
    of: 'value' as const,
    hint: 'add a condition to one of them, or leave it so',
  }));
}

function tablesAreSound({ legacy, capabilities }: Configuration): Finding[] {
  return Object.entries(capabilities).flatMap(([name, { tables = {} }]) =>
    checkTables(tables, legacy.database?.hashKey).map(({ path, message }) => ({
      path: ['capabilities', name, 'tables', ...path],
      of: 'value' as const,
      message,
    })),
  );
}

function tablesHaveOneCapability({ capabilities }: Configuration): Finding[] {
  const owners = new Map<string, string>();
  return Object.entries(capabilities).flatMap(([name, { tables = {} }]) =>
    Object.keys(tables).flatMap((table) => {
      const owner = owners.get(table);
      if (owner === undefined) owners.set(table, name);
      const message = `found table ${table}, which capability ${owner} maps already`;
      return owner === undefined
        ? []
        : [{ path: ['capabilities', name, 'tables', table], of: 'key' as const, message }];
    }),
  );
}

function tablesNeedDatabase({ legacy, capabilities }: Configuration): Finding[] {
  if (legacy.database) return [];
  return Object.entries(capabilities)
    .filter(([, { tables }]) => tables && Object.keys(tables).length > 0)
    .map(([name]) => ({
      path: ['capabilities', name, 'tables'],
      of: 'key' as const,
      message: 'found tables, but legacy.database is not set',
      hint: 'set legacy.database.url, or remove the tables: without a database there is routing and shadow only',
    }));
}

function portsDiffer({ listeners, services }: Configuration): Finding[] {
  const ports: [number, Finding['path']][] = [
    [listeners.public.port, ['listeners', 'public', 'port']],
    [listeners.admin.port, ['listeners', 'admin', 'port']],
    [listeners.bridge.port, ['listeners', 'bridge', 'port']],
    ...(services ? [[services.port, ['services', 'port']] as [number, Finding['path']]] : []),
  ];
  return ports.flatMap(([port, path], index) => {
    const earlier = ports.slice(0, index).find(([other]) => other === port && port !== 0);
    return earlier
      ? [{ path, of: 'value' as const, message: `found port ${port}, which ${earlier[1].join('.')} has already` }]
      : [];
  });
}
