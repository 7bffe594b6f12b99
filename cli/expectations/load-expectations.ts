import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RouteTable } from '../../gateway/routing/route-table.ts';
import { explainIssue, type Finding } from '../config/explain-issue.ts';
import { nearest } from '../config/nearest.ts';
import { ConfigError, type ConfigProblem } from '../config/problem.ts';
import { type ConfigFile, readConfigFile } from '../config/source.ts';
import type { Environment } from '../environment.ts';
import { type Expectation, expectationsSchema } from './expectation.ts';

/** An expectation and where it is written: `routes.test.yaml:12:3`. */
export interface PlacedExpectation extends Expectation {
  readonly place: string;
}

/** Reads a file of expectations. Throws a ConfigError with every problem at once, a name that no route of the table has among them. */
export function loadExpectations(path: string, table: RouteTable, environment: Environment): PlacedExpectation[] {
  if (!existsSync(resolve(path)))
    throw new ConfigError([{ file: path, line: 1, column: 1, path: [], message: 'found no such file' }]);
  const file = readConfigFile(resolve(path), environment);
  if (file.problems.length > 0) throw new ConfigError(file.problems);
  const parsed = expectationsSchema.safeParse(file.value);
  const findings = parsed.success
    ? parsed.data.flatMap(({ expect }, index) => [
        ...nothingExpected(expect, index),
        ...unknownRoute(expect, index, table),
      ])
    : parsed.error.issues.flatMap((issue) => explainIssue(issue, expectationsSchema, file.value));
  if (findings.length > 0 || !parsed.success)
    throw new ConfigError(findings.map((finding) => problemOf(finding, file)).sort(byPlace));
  return parsed.data.map((expectation, index) => {
    const { line, column } = file.position([index]);
    return { ...expectation, place: `${file.name}:${line}:${column}` };
  });
}

function problemOf({ path, of, message, hint }: Finding, file: ConfigFile): ConfigProblem {
  return { file: file.name, ...file.position(path, of), path, message, hint };
}

function byPlace(one: ConfigProblem, other: ConfigProblem): number {
  return one.line - other.line || one.column - other.column;
}

function nothingExpected(expect: Expectation['expect'], index: number): Finding[] {
  if (Object.keys(expect).length > 0) return [];
  return [{ path: [index, 'expect'], of: 'value', message: 'found nothing, expected route, side, shadow or refused' }];
}

function unknownRoute({ route }: Expectation['expect'], index: number, table: RouteTable): Finding[] {
  if (route === undefined || route === null || table.find(route)) return [];
  const names = table.routes.map(({ name }) => name);
  const meant = nearest(route, names);
  const hint = meant === undefined ? 'strangler routes lists them' : `did you mean "${meant}"?`;
  const message = `found ${JSON.stringify(route)}, which is the name of no route`;
  return [{ path: [index, 'expect', 'route'], of: 'value', message, hint }];
}
