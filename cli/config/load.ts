import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Environment } from '../environment.ts';
import { crossCheck } from './cross-check.ts';
import { explainIssue, type Finding } from './explain-issue.ts';
import { ConfigError, type ConfigProblem, type Path } from './problem.ts';
import { type Configuration, configurationSchema } from './schema.ts';
import { type ConfigFile, readCapabilityFiles, readConfigFile } from './source.ts';

/** A checked configuration and the files it came from. */
export interface LoadedConfiguration {
  readonly configuration: Configuration;
  readonly path: string;
  readonly files: readonly string[];
}

/**
 * Reads a configuration with the capability files beside it, checks all of it and throws a ConfigError with every problem at once:
 * (1) YAML and variables, (2) join capability files, (3) lay defaults beneath, (4) schema, (5) what the parts need of one another.
 */
export function loadConfiguration(path: string, environment: Environment): LoadedConfiguration {
  const absolute = resolve(path);
  if (!existsSync(absolute)) {
    throw new ConfigError([
      { file: path, line: 1, column: 1, path: [], message: 'found no such file', hint: 'name one with --config FILE' },
    ]);
  }
  const main = readConfigFile(absolute, environment);
  const capabilityFiles = readCapabilityFiles(absolute, environment);
  const sources = new Sources(main, capabilityFiles);
  const unreadable = [main, ...capabilityFiles.values()].flatMap((file) => file.problems);
  if (unreadable.length > 0) throw new ConfigError(unreadable);

  const joined = join(main, capabilityFiles);
  const parsed = configurationSchema.safeParse(joined.value);
  const findings: Finding[] = parsed.success
    ? crossCheck(parsed.data)
    : parsed.error.issues.flatMap((issue) => explainIssue(issue, configurationSchema, joined.value));
  const problems = [...joined.findings, ...findings].map((finding) => sources.problem(finding));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(unique(problems));
  return {
    configuration: parsed.data,
    path: absolute,
    files: [main.name, ...[...capabilityFiles.values()].map((file) => file.name)],
  };
}

type Mapping = Record<string, unknown>;
const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One value out of all files: capabilities from their own files beside those in the main file, `defaults` beneath each. */
function join(
  main: ConfigFile,
  capabilityFiles: ReadonlyMap<string, ConfigFile>,
): { value: unknown; findings: Finding[] } {
  if (!isMapping(main.value)) return { value: main.value, findings: [] };
  const inline = isMapping(main.value.capabilities) ? main.value.capabilities : {};
  const findings: Finding[] = [];
  const capabilities: Mapping = { ...inline };
  for (const [name, file] of capabilityFiles) {
    if (name in inline) {
      findings.push({
        path: ['capabilities', name],
        of: 'key',
        message: `declared here and in ${file.name}`,
        hint: 'keep one of the two',
      });
    } else capabilities[name] = file.value;
  }
  const defaults = isMapping(main.value.defaults) ? main.value.defaults : {};
  for (const [name, value] of Object.entries(capabilities))
    capabilities[name] = isMapping(value) ? beneath(defaults, value) : value;
  const hasCapabilities = capabilityFiles.size > 0 || 'capabilities' in main.value;
  return {
    value: hasCapabilities && isMapping(main.value.capabilities ?? {}) ? { ...main.value, capabilities } : main.value,
    findings,
  };
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
  readonly #capabilities: ReadonlyMap<string, ConfigFile>;
  constructor(main: ConfigFile, capabilities: ReadonlyMap<string, ConfigFile>) {
    this.#main = main;
    this.#capabilities = capabilities;
  }

  problem({ path, of, message, hint }: Finding): ConfigProblem {
    const [file, inFile] = this.#locate(path);
    return { file: file.name, ...file.position(inFile, of), path, message, hint };
  }

  /** A key of a capability that stands neither in its file nor in the main file was inherited from `defaults`. */
  #locate(path: Path): [ConfigFile, Path] {
    const [top, name, ...rest] = path;
    if (top !== 'capabilities' || name === undefined) return [this.#main, path];
    const file = this.#main.has(['capabilities', name]) ? undefined : this.#capabilities.get(String(name));
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
