import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runFile } from '../../fuzz/replay/run-suite.ts';
import { statementsIn } from '../../fuzz/replay/sql-suite.ts';
import { bridgeConfig, onBothServers } from './legacy.ts';

const everyday = join(import.meta.dirname, '..', 'fixtures', 'sql', 'everyday.test');

onBothServers((create) => {
  it('replays what SQL suites do, and comes to what SELECT shows whenever a table is about to change', async () => {
    const legacy = await create();
    try {
      const { statements, refused, stopped, differences, ...checked } = await runFile(
        legacy.url,
        bridgeConfig(legacy).database,
        everyday,
      );
      expect([stopped, differences]).toEqual([undefined, []]);
      expect(statements).toBeGreaterThan(75);
      expect(refused).toBeLessThan(5);
      expect(checked).toMatchObject({ announced: 0 });
      expect(checked.changes).toBeGreaterThan(80);
    } finally {
      await legacy.drop();
    }
  }, 60_000);
});

/** The statements of a file of that name and text. */
function statements(name: string, text: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'sql-suite-'));
  try {
    writeFileSync(join(folder, name), text, 'latin1');
    return statementsIn(join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('cuts scripts at the delimiter, outside quotes and comments', () => {
  const text =
    '-- a; comment\nSELECT \'a;b\', "c;\\"d", `e;f`; # more;\n/* ; */ SELECT 2;\nDELIMITER //\nBEGIN; END//\nDELIMITER ;\nUSE other;\nSELECT 3';
  expect(statements('a.sql', text)).toEqual(['SELECT \'a;b\', "c;\\"d", `e;f`', 'SELECT 2', 'BEGIN; END', 'SELECT 3']);
});

it("leaves the test framework's own commands out of its tests", () => {
  const text =
    '--echo hello;\n--error 1\nselect 1;\nlet $a = 1;\nwhile ($a)\n{\n  select 2;\n}\nperl;\nprint "x;";\nEOF\neval select 3;\ndelimiter |;\nselect 4; select 5|\ndelimiter ;|\nconnection default;\nbegin;\n';
  expect(statements('a.test', text)).toEqual(['select 1', 'select 2', 'select 3', 'select 4; select 5', 'begin']);
});
