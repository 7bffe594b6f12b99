import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { hasSurelyEnded, nameOfThisLife } from '../../cdc-bridge/lease/life-of-process.ts';

const module = fileURLToPath(new URL('../../cdc-bridge/lease/life-of-process.ts', import.meta.url));
const program = `const { nameOfThisLife } = await import(${JSON.stringify(module)});
process.stdout.write(nameOfThisLife()); setInterval(() => {}, 1_000);`;

/** A process that says its name and lives on. */
async function startLife() {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [name] = await once(child.stdout, 'data');
  const kill = async () => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return { name: String(name), kill };
}

describe('the life of a process', () => {
  test('has not ended while it goes on, and has when it was killed', async () => {
    const life = await startLife();
    expect(hasSurelyEnded(life.name)).toBe(false);
    await life.kill();
    expect(hasSurelyEnded(life.name)).toBe(true);
  });

  test('has ended when its number belongs to a process that started at another time', () => {
    const own = nameOfThisLife();
    expect(hasSurelyEnded(own)).toBe(false);
    expect(hasSurelyEnded(own.replace(/(\d+), ([0-9a-f]+)\)$/, '1, $2)'))).toBe(true);
  });

  test.each([
    ['another boot', (name: string) => name.replace(/\([0-9a-f-]+\//, '(00000000-0000/')],
    ['another namespace of numbers', (name: string) => name.replace(/\/\d+\//, '/1/')],
    ['a system that does not tell', (name: string) => name.replace(/\(.*, /, '(')],
    ['nobody knows whom', () => 'first'],
  ])('of %s cannot be told to have ended', (_what, altered) => {
    const name = altered(nameOfThisLife().replace(/^process \d+/, 'process 999999999'));
    expect(hasSurelyEnded(name)).toBe(false);
  });

  test('is named apart for two holders in one process', () => {
    expect(nameOfThisLife()).not.toBe(nameOfThisLife());
  });
});
