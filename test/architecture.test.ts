import { readdirSync, readFileSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const parts = ['gateway', 'cdc-bridge', 'event-log', 'new-services', 'legacy-stub'];
const houses = ['contract', 'runtime', ...parts, 'cli'];

/** Folders whose code computes and touches nothing: no Node module but pure ones, no driver, no clock, no randomness of their own. */
const pureFolders = [
  'contract',
  'gateway/routing',
  'gateway/comparison',
  'cdc-bridge/mapping',
  'new-services/event-sourcing/decider',
  'new-services/shipments/decider',
];
const pureModules = new Set([
  'zod',
  'node:crypto',
  'node:zlib',
  'node:net',
  'node:util',
  'node:buffer',
  'node:querystring',
]);

/** A package that speaks to the outside is imported by at most one file of a part. */
const drivers = [
  'mysql2',
  'kafkajs',
  'unleash-client',
  '@photostructure/sqlite',
  'ws',
  'pino',
  'prom-client',
  'multer',
  '@opentelemetry/api',
  '@opentelemetry/sdk-node',
  'jose',
];

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
  /** Those of `imports` that are erased before anything runs: `import type`. */
  readonly typeOnly: ReadonlySet<string>;
}

function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sourceFiles(path);
    if (!/\.(ts|mjs)$/.test(entry.name)) return [];
    const text = readFileSync(join(root, path), 'utf8');
    const named = (pattern: RegExp) =>
      [...text.matchAll(pattern)].map(([, name]) =>
        name!.startsWith('.') ? normalize(join(dirname(path), name!)) : name!,
      );
    const imports = named(/(?:\bfrom\s+|^import\s+|\bimport\()['"]([^'"\n]+)['"]/gm);
    const typeOnly = new Set(named(/^(?:import|export) type [^;]*?\bfrom\s+['"]([^'"\n]+)['"]/gm));
    return [{ path, text, imports, typeOnly }];
  });
}

const files = houses.flatMap(sourceFiles);
const houseOf = (path: string) => houses.find((house) => path.startsWith(`${house}/`));
const packageOf = (name: string) =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');

describe('the house', () => {
  it('knows of each part only the contract, the runtime and itself', () => {
    const allowed = (from: string, to: string) =>
      from === 'cli' ||
      from === to ||
      (from !== 'contract' && to === 'contract') ||
      (!['contract', 'runtime'].includes(from) && to === 'runtime');
    const trespasses = files.flatMap(({ path, imports }) =>
      imports
        .filter((target) => {
          const [from, to] = [houseOf(path)!, houseOf(target)];
          return to !== undefined && !allowed(from, to);
        })
        .map((target) => `${path} → ${target}`),
    );
    expect(trespasses).toEqual([]);
  });

  it('has a runtime that knows nobody and a legacy application that knows nothing of the rest', () => {
    const leaving = (house: string) =>
      files
        .filter(({ path }) => path.startsWith(`${house}/`))
        .flatMap(({ path, imports }) =>
          imports
            .filter((target) => houseOf(target) !== undefined && houseOf(target) !== house)
            .map((target) => `${path} → ${target}`),
        );
    expect([...leaving('runtime'), ...leaving('legacy-stub')]).toEqual([]);
  });

  it('has no import that leads nowhere and none that leaves the tree', () => {
    const lost = files.flatMap(({ path, imports }) =>
      imports
        .filter((target) => /^\.\.?\//.test(target) || houseOf(target))
        .filter((target) => !statSync(join(root, target), { throwIfNoEntry: false })?.isFile())
        .map((target) => `${path} → ${target}`),
    );
    expect(lost).toEqual([]);
  });

  it('has no cycle of imports', () => {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      if (trail.includes(path) || done.has(path)) return;
      for (const target of byPath.get(path)?.imports ?? []) if (byPath.has(target)) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const { path } of files) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it('has pure folders that touch nothing', () => {
    for (const folder of pureFolders)
      expect(statSync(join(root, folder), { throwIfNoEntry: false }), folder).toBeDefined();
    const impure = files
      .filter(({ path }) => pureFolders.some((folder) => path.startsWith(`${folder}/`)))
      .flatMap(({ path, text, imports, typeOnly }) => [
        ...imports.filter((name) => !houseOf(name) && !pureModules.has(name)).map((name) => `${path} imports ${name}`),
        ...imports
          .filter(
            (name) =>
              houseOf(name) &&
              !typeOnly.has(name) &&
              !name.startsWith('contract/') &&
              !name.startsWith('runtime/config-values') &&
              !pureFolders.some((folder) => name.startsWith(`${folder}/`)),
          )
          .map((name) => `${path} imports ${name}`),
        ...(/\bDate\.now\(|new Date\(\)|Math\.random\(|setTimeout\(|process\.env/.test(text)
          ? [`${path} reads a clock, chance or the environment`]
          : []),
      ]);
    expect(impure).toEqual([]);
  });

  it('has one door per driver package in each part', () => {
    const doors = houses.flatMap((house) =>
      drivers.map((driver) => ({
        door: `${house}: ${driver}`,
        files: files
          .filter(
            ({ path, imports }) => path.startsWith(`${house}/`) && imports.some((name) => packageOf(name) === driver),
          )
          .map(({ path }) => path),
      })),
    );
    expect(doors.filter(({ files }) => files.length > 1)).toEqual([]);
  });

  it('uses only packages that package.json declares for running', () => {
    const declared = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies);
    const used = new Set(
      files.flatMap(({ imports }) =>
        imports
          .filter((name) => !houseOf(name) && !name.startsWith('node:') && !builtinModules.includes(name))
          .map(packageOf),
      ),
    );
    expect([...used].filter((name) => !declared.includes(name))).toEqual([]);
    expect(declared.filter((name) => !used.has(name))).toEqual([]);
  });

  it('has no barrel file inside a part', () => {
    expect(files.filter(({ path }) => /\/index\.ts$/.test(path)).map(({ path }) => path)).toEqual([]);
  });
});
