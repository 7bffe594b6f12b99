import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { prepareDataDirectory, secretFile } from '../../cli/data-directory.ts';

const folder = mkdtempSync(join(tmpdir(), 'data-directory-'));
afterAll(() => rmSync(folder, { recursive: true }));

const directories = Array.from({ length: 300 }, (_, index) => join(folder, String(index)));
const program = `
  import { prepareDataDirectory, secretFile } from ${JSON.stringify(new URL('../../cli/data-directory.ts', import.meta.url).href)};
  const [startAt, ...directories] = process.argv.slice(1);
  while (Date.now() < Number(startAt));
  console.log(JSON.stringify(directories.map((directory) => (prepareDataDirectory(directory), secretFile(directory, 'secret')))));`;

async function makeAll(startAt: number): Promise<string[]> {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program, String(startAt), ...directories];
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout);
}

test('processes that start together in an empty directory agree on its format and its secret', async () => {
  const startAt = Date.now() + 2_000;
  const [first, ...others] = await Promise.all([makeAll(startAt), makeAll(startAt), makeAll(startAt)]);
  expect(new Set(first!.map((secret) => secret.length))).toEqual(new Set([32]));
  for (const other of others) expect(other).toEqual(first);
  for (const directory of directories) expect(readdirSync(directory).sort()).toEqual(['format', 'secret']);
});

test.each([
  ['empty', ''],
  ['short', 'abc\n'],
  ['garbage', '\0\x01\xff'.repeat(20)],
])('a secret file that is %s is refused: an empty secret would let everybody in', (name, text) => {
  writeFileSync(join(folder, name), text);
  expect(() => secretFile(folder, name)).toThrow(/: found \d+ characters .*Delete the file/);
});

test('a format file of garbage is quoted, not poured out on the terminal', () => {
  const directory = join(folder, 'of-garbage');
  mkdirSync(directory);
  writeFileSync(join(directory, 'format'), '\x1b[2J'.repeat(100));
  expect(() => prepareDataDirectory(directory)).toThrow(/found data format "\\u001b\[2J/);
});
