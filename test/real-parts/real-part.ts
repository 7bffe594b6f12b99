import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach } from 'vitest';

/** A real part cannot be had on this machine: no registry, no binaries for it, no account to run it as. `message` is the reason. */
export class RealPartUnavailable extends Error {
  override readonly name = 'RealPartUnavailable';
}

/** A part that runs: which one exactly, and how it ends. */
export interface RealPart {
  /** As the part itself says, for the closing table. */
  readonly version: string;
  stop(): Promise<void>;
}

/** Bringing a part may take a download of a minute or two on a first run. */
const bringMs = 600_000;

/**
 * Brings a real part before the tests of the suite that calls this, and stops it after them; gives the way to it. Where the part cannot
 * be had, the suite's tests are skipped with the reason, or fail with it when REQUIRE_REAL_PARTS is set. Either way the file that
 * REAL_PARTS_REPORT names is told in one line of JSON: `{"name":"Unleash","version":"7.5.1","seconds":12.3}` or `{"name":…,"why":…}`.
 */
export function requireRealPart<T extends RealPart>(name: string, get: () => Promise<T>): () => T {
  let part: T | undefined;
  let why: string | undefined;
  beforeAll(async () => {
    const started = performance.now();
    try {
      part = await get();
      report({ name, version: part.version, seconds: (performance.now() - started) / 1_000 });
    } catch (error) {
      if (!(error instanceof RealPartUnavailable)) throw error;
      why = error.message;
      report({ name, why });
      if (process.env.REQUIRE_REAL_PARTS) throw error;
    }
  }, bringMs);
  beforeEach(({ skip }) => {
    if (why !== undefined) skip(`${name}: ${why}`);
  });
  afterAll(() => part?.stop());
  return () => {
    if (!part) throw new Error(`${name} is asked for outside the tests of its suite`);
    return part;
  };
}

function report(line: object): void {
  const path = process.env.REAL_PARTS_REPORT;
  if (path) appendFileSync(path, `${JSON.stringify(line)}\n`);
}
