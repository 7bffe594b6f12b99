import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** What a suite on a real part left in the file REAL_PARTS_REPORT: one JSON document a line. */
interface RealPartLine {
  readonly name: string;
  readonly version?: string;
  readonly seconds?: number;
  /** Why it did not run. */
  readonly why?: string;
}

/** Ends a run with a table of which real parts took part and which did not, and why; then one plain line of counts. */
export default class ClosingTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const lines = this.#realParts();
    const width = Math.max(0, ...lines.map(({ name }) => name.length));
    console.log('\nReal parts in this run:');
    for (const { name, version, seconds, why } of lines) {
      console.log(
        `  ${name.padEnd(width)}  ${why ? `NOT RUN: ${why}` : `${version ?? ''}${seconds === undefined ? '' : `, ready in ${seconds.toFixed(1)} s`}`}`,
      );
    }
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state] += 1;
      if (module.state() === 'failed' && [...module.children.allTests('failed')].length === 0) count.failed += 1;
    }
    console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped + count.pending} skipped`);
  }

  #realParts(): RealPartLine[] {
    const path = process.env.REAL_PARTS_REPORT;
    if (!path || !existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as RealPartLine);
    rmSync(path);
    return [...new Map(lines.map((line) => [line.name, line])).values()];
  }
}
