import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Finding } from './explain-issue.ts';
import type { Configuration } from './schema.ts';

/** A function that a mapping names with `use`. */
export interface MappingModule {
  /** Where it is named, from the capability on. */
  readonly path: readonly string[];
  /** How the bridge asks for it: `TABLE` or `TABLE.EVENT`. */
  readonly place: string;
  /** Absolute. */
  readonly file: string;
  /** Its name in the module. */
  readonly name: string;
  readonly written: string;
}

/** Every function that the mappings name; `homes` are the folders that their files are relative to. */
export function mappingModules(
  { capabilities }: Pick<Configuration, 'capabilities'>,
  homes: Readonly<Record<string, string>>,
): MappingModule[] {
  return Object.entries(capabilities).flatMap(([capability, { tables = {} }]) =>
    Object.entries(tables).flatMap(([table, entry]) => {
      if (entry === 'ignore' || !('key' in entry)) return [];
      const named = (place: string, path: readonly string[], use: string | undefined): MappingModule[] => {
        if (use === undefined) return [];
        const [file = '', name = 'default'] = use.split('#');
        const at = ['capabilities', capability, 'tables', table, ...path, 'use'];
        return [{ path: at, place, file: resolve(homes[capability]!, file), name, written: use }];
      };
      const ofRules = Object.entries(entry.events).flatMap(([event, { use }]) =>
        named(`${table}.${event}`, ['events', event], use),
      );
      return [...named(table, [], entry.use), ...ofRules];
    }),
  );
}

/** Files that mappings name and that are not there. */
export function missingModules(
  configuration: Pick<Configuration, 'capabilities'>,
  homes: Readonly<Record<string, string>>,
): Finding[] {
  return mappingModules(configuration, homes)
    .filter(({ file }) => !existsSync(file))
    .map(({ path, file, written }) => ({
      path,
      of: 'value',
      message: `found no file ${JSON.stringify(written.split('#')[0])}`,
      hint: `looked for ${file}`,
    }));
}
