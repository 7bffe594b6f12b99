import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { readIfThere } from './data-directory.ts';

/**
 * The environment that `${NAME}` in a configuration is read from: the process's own, and beneath it what `npm start` chose last
 * (`.data/environment`, lines of NAME=value), so that the other commands find the same database.
 */
export type Environment = Readonly<Record<string, string | undefined>>;

export function readEnvironment({ chosen = true } = {}, from = process.cwd()): Environment {
  return { ...(chosen ? parseEnv(readIfThere(chosenPath(from)) ?? '') : {}), ...process.env };
}

/** Remembers choices for later commands. */
export function rememberChoices(choices: Readonly<Record<string, string>>, from = process.cwd()): void {
  const path = chosenPath(from);
  mkdirSync(dirname(path), { recursive: true });
  const lines = Object.entries(choices).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(''), { mode: 0o600 });
}

function chosenPath(from: string): string {
  return resolve(from, '.data', 'environment');
}
