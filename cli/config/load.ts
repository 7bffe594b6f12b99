import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Environment } from '../environment.ts';
import { crossCheck, crossWarnings } from './cross-check.ts';
import { explainIssue, type Finding } from './explain-issue.ts';
import { missingModules } from './mapping-modules.ts';
import { ConfigError, type ConfigProblem, type Path } from './problem.ts';
import { type Configuration, configurationSchema } from './schema.ts';
import { type ConfigFile, readConfigFile } from './source.ts';

/** A checked configuration and the files it came from. */
export interface LoadedConfiguration {
  readonly configuration: Configuration;
  readonly path: string;
  readonly files: readonly string[];
  /** Capability → the folder of the file that it is written in: what it names by relative paths is found from there. */
  readonly homes: Readonly<Record<string, string>>;
  /** What was written, all files in one, variables filled in; `legacy` is a mapping also where a text was written. */
  readonly written: Readonly<Record<string, unknown>>;
  /** What is allowed and may surprise. */
  readonly warnings: readonly ConfigProblem[];
}

/**
 * Reads a configuration with the capability files it names, checks all of it and throws a ConfigError with every problem at once:
 * (1) YAML and variables, (2) put the files' capabilities in place, (3) lay defaults beneath, (4) schema, (5) what the parts need of one another.
 */
export function loadConfiguration(path: string, environment: Environment): LoadedConfiguration {
  const absolute = resolve(path);
  if (!existsSync(absolute)) {
    throw new ConfigError([
      { file: path, line: 1, column: 1, path: [], message: 'found no such file', hint: 'name one with --config FILE' },
    ]);
  }
  const main = readConfigFile(absolute, environment);
  const { files, homes, missing } = readCapabilityFiles(main, dirname(absolute), environment);
  const unreadable = [...missing, ...[main, ...files.values()].flatMap((file) => file.problems)];
  if (unreadable.length > 0) throw new ConfigError(unreadable);

  const sources = new Sources(main, files);
  const value = join(main.value, files);
  const parsed = configurationSchema.safeParse(value);
  const findings: Finding[] = parsed.success
    ? [...crossCheck(parsed.data), ...missingModules(parsed.data, homes)]
    : parsed.error.issues.flatMap((issue) => explainIssue(issue, configurationSchema, value));
  if (findings.length > 0 || !parsed.success)
    throw new ConfigError(unique(findings.map((finding) => sources.problem(finding))));
  const names = [main, ...files.values()].map(({ name }) => name);
  const warnings = crossWarnings(parsed.data).map((warning) => sources.warning(warning));
  const written = asWritten(value as Mapping);
  return { configuration: parsed.data, path: absolute, files: names, homes, written, warnings };
}

type Mapping = Record<string, unknown>;
const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A configuration from what was written, which was checked before. Throws a ZodError when it was not. */
export function configurationOf(written: LoadedConfiguration['written']): Configuration {
  return configurationSchema.parse(written);
}

/** Absolute paths of the files that a configuration is in, those it names and that are not there too. Never throws: one that cannot be read names none. */
export function configurationFiles(path: string, environment: Environment): string[] {
  const absolute = resolve(path);
  if (!existsSync(absolute)) return [absolute];
  const { value } = readConfigFile(absolute, environment);
  const capabilities = isMapping(value) && isMapping(value.capabilities) ? Object.values(value.capabilities) : [];
  const named = capabilities.filter((one) => typeof one === 'string');
  return [absolute, ...named.map((name) => resolve(dirname(absolute), name))];
}

function asWritten(value: Mapping): Mapping {
  return typeof value.legacy === 'string' ? { ...value, legacy: { url: value.legacy } } : value;
}

/** A capability is written in place, or is the name of a file beside the configuration that holds it. */
function readCapabilityFiles(main: ConfigFile, folder: string, environment: Environment) {
  const files = new Map<string, ConfigFile>();
  const homes: Record<string, string> = {};
  const missing: ConfigProblem[] = [];
  const capabilities = isMapping(main.value) && isMapping(main.value.capabilities) ? main.value.capabilities : {};
  for (const [name, value] of Object.entries(capabilities)) {
    homes[name] = typeof value === 'string' ? dirname(resolve(folder, value)) : folder;
    if (typeof value !== 'string') continue;
    const path = ['capabilities', name];
    const file = resolve(folder, value);
    if (existsSync(file)) files.set(name, readConfigFile(file, environment));
    else
      missing.push({
        file: main.name,
        ...main.position(path),
        path,
        message: `found no file ${JSON.stringify(value)}`,
      });
  }
  return { files, homes, missing };
}

/** One value out of all files, `defaults` beneath each capability. */
function join(main: unknown, files: ReadonlyMap<string, ConfigFile>): unknown {
  if (!isMapping(main) || !isMapping(main.capabilities)) return main;
  const defaults = isMapping(main.defaults) ? main.defaults : {};
  const capabilities = Object.entries(main.capabilities).map(([name, value]) => {
    const written = files.get(name)?.value ?? value;
    return [name, isMapping(written) ? beneath(defaults, written) : written];
  });
  return { ...main, capabilities: Object.fromEntries(capabilities) };
}

/** `over` wins key by key; mappings are joined, lists and plain values are replaced. */
function beneath(defaults: Mapping, over: Mapping): Mapping {
  const joined: Mapping = { ...defaults, ...over };
  for (const [key, value] of Object.entries(over)) {
    const base = defaults[key];
    if (isMapping(base) && isMapping(value)) joined[key] = beneath(base, value);
  }
  return joined;
}

/** Knows which file a path of the joined value was written in. */
class Sources {
  readonly #main: ConfigFile;
  readonly #files: ReadonlyMap<string, ConfigFile>;
  constructor(main: ConfigFile, files: ReadonlyMap<string, ConfigFile>) {
    this.#main = main;
    this.#files = files;
  }

  problem({ path, of, message, hint }: Finding): ConfigProblem {
    const [file, inFile] = this.#locate(path);
    return { file: file.name, ...file.position(inFile, of), path, message, hint };
  }

  /** A warning about two places ends with the second. */
  warning(found: Finding & { readonly other: Path }): ConfigProblem {
    const { file, line, column } = this.problem({ ...found, path: found.other });
    const problem = this.problem(found);
    return { ...problem, message: `${problem.message} (${file}:${line}:${column})` };
  }

  /** A key of a capability that stands neither in its file nor in the main file was inherited from `defaults`. */
  #locate(path: Path): [ConfigFile, Path] {
    const [top, name, ...rest] = path;
    if (top !== 'capabilities' || name === undefined) return [this.#main, path];
    const file = this.#files.get(String(name));
    const [home, inHome]: [ConfigFile, Path] = file ? [file, rest] : [this.#main, path];
    const inherited: Path = ['defaults', ...rest];
    return rest.length > 0 && !home.has(inHome) && this.#main.has(inherited) ? [this.#main, inherited] : [home, inHome];
  }
}

function unique(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [
    ...new Map(
      problems.map((problem) => [
        JSON.stringify([problem.file, problem.line, problem.column, problem.message]),
        problem,
      ]),
    ).values(),
  ].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column);
}
