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

/** A file of the user's may be TypeScript beside no package.json at all, which neither Node nor the loader of our sources takes for a module. */
async function importModule(file: string): Promise<Record<string, unknown>> {
  const url = pathToFileURL(file).href;
  if (!file.endsWith('ts')) return import(url);
  const { tsImport } = await import('tsx/esm/api');
  return tsImport(url, import.meta.url);
}

/** The function, or why there is none. */
async function load({ path, file, name, written }: MappingModule): Promise<MappingFunction | string> {
  const at = `${path.join('.')}: ${written}`;
  try {
    const module = await importModule(file);
    const found = exportOf(module, name);
    if (typeof found === 'function') return found as MappingFunction;
    const there = Object.keys(module).filter((key) => typeof module[key] === 'function');
    return `${at}: expected ${name} to be a function, found ${there.join(', ') || 'none'}`;
  } catch (error) {
    return `${at}: it cannot be loaded: ${(error as Error).message}`;
  }
}

/** TypeScript beside no package.json comes as a CommonJS module, whose exports are all under `default` too. */
function exportOf(module: Record<string, unknown>, name: string): unknown {
  const { default: whole } = module;
  const isWhole = typeof whole === 'object' && whole !== null && name in whole;
  return isWhole ? (whole as Record<string, unknown>)[name] : module[name];
}
