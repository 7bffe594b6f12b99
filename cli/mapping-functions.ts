import { pathToFileURL } from 'node:url';
import type { MappingFunction, MappingFunctions } from '../cdc-bridge/config.ts';
import { CommandError } from './admin-client.ts';
import type { LoadedConfiguration } from './config/load.ts';
import { type MappingModule, mappingModules } from './config/mapping-modules.ts';

/**
 * Loads the functions that mappings name with `use`; TypeScript is read as the sources of this program are. Throws a CommandError that names every
 * one which cannot be had.
 */
export async function loadMappingFunctions({
  configuration,
  homes,
}: Pick<LoadedConfiguration, 'configuration' | 'homes'>): Promise<MappingFunctions> {
  const modules = mappingModules(configuration, homes);
  const loaded = await Promise.all(modules.map(async (module) => [module.place, await load(module)] as const));
  const problems = loaded.flatMap(([, found]) => (typeof found === 'string' ? [found] : []));
  if (problems.length > 0) throw new CommandError(problems.join('\n'));
  return new Map(loaded.filter((entry): entry is [string, MappingFunction] => typeof entry[1] === 'function'));
}

/** The function, or why there is none. */
async function load({ path, file, name, written }: MappingModule): Promise<MappingFunction | string> {
  const at = `${path.join('.')}: ${written}`;
  try {
    const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    const found = module[name];
    if (typeof found === 'function') return found as MappingFunction;
    return `${at}: expected ${name} to be a function, found ${Object.keys(module).join(', ') || 'no exports'}`;
  } catch (error) {
    return `${at}: it cannot be loaded: ${(error as Error).message}`;
  }
}
