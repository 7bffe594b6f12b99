import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../../cli/config/load.ts';
import { ConfigError } from '../../cli/config/problem.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** `LINE:COLUMN message` of each problem. */
function problems(text: string): string[] {
  const path = join(folder, 'strangler.yaml');
  writeFileSync(path, text);
  return problemsOf(path);
}

function problemsOf(path: string): string[] {
  try {
    loadConfiguration(path, {});
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
}

const withRoutes = (lines: string) => `legacy: http://127.0.0.1:8000
capabilities:
  shipments:
    service: http://127.0.0.1:8082
${lines}`;

describe('a condition that would say something else than it seems to', () => {
  it.each([
    [
      'a split by no header, which everybody fulfils',
      '    split: [{header: {}}]\n    routes: [GET /a]',
      'found nothing',
    ],
    ['a split by no cookie', '    split: [{cookie: {}}]\n    routes: [GET /a]', 'found nothing, expected NAME: VALUE'],
    [
      'a header of a name that none can have',
      '    routes: [{match: {path: /a, headers: {"x-beta:": 1}}}]',
      'expected the name of a header field',
    ],
    [
      'a cookie of a name that none can have',
      '    routes: [{match: {path: /a, cookies: {"a=b": 1}}}]',
      'expected the name of a cookie',
    ],
    [
      'a name that JavaScript would drop',
      '    routes: [{match: {path: /a, headers: {__proto__: 1}}}]',
      'found the key __proto__, which cannot be used',
    ],
  ])('is a problem: %s', (_, lines, message) => {
    expect(problems(withRoutes(lines))).toEqual([expect.stringMatching(new RegExp(`^5:\\d+ .*${message}`))]);
  });
});

describe('a configuration that cannot be read', () => {
  it('is a problem at its own place: a folder', () => {
    expect(problemsOf(folder)).toEqual(['1:1 expected a file that can be read, found none (EISDIR)']);
  });

  it('is a problem at its own place: a folder where the file of a capability should be', () => {
    mkdirSync(join(folder, 'shipments.yaml'));
    expect(problems('legacy: http://127.0.0.1:8000\ncapabilities: {shipments: shipments.yaml}')).toEqual([
      '1:1 expected a file that can be read, found none (EISDIR)',
    ]);
  });

  it.each([
    ['aliases of aliases of aliases', bomb(), 'Excessive alias count'],
    ['lists within lists without end', `legacy: ${'['.repeat(50_000)}${']'.repeat(50_000)}`, 'call stack'],
  ])('is refused before it fills the memory: %s', (_, text, message) => {
    expect(problems(text)).toEqual([expect.stringContaining(message)]);
  });
});

function bomb(): string {
  const lists = Array.from({ length: 9 }, (_, depth) => `a${depth + 1}: &a${depth + 1} [${`*a${depth},`.repeat(9)}]`);
  return ['a0: &a0 x', ...lists].join('\n');
}
