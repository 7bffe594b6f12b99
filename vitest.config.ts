import { mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

const report = resolve('.data', 'test', `real-parts-${process.pid}.jsonl`);
mkdirSync(resolve('.data', 'test'), { recursive: true });
rmSync(report, { force: true });
process.env.REAL_PARTS_REPORT = report;

/** `.test.ts` needs nothing but Node; `.int.test.ts` needs a real part: the MariaDB that test/global-setup.ts finds, or what test/real-parts brings. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    reporters: ['default', './test/closing-table.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
