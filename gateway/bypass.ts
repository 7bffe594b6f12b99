import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Break glass: while it is on, every request goes to legacy, without asking log, flags or bridge. A file in the data folder holds it, so
 * that it survives a restart; nothing else can turn it off.
 */
export class Bypass {
  /** Undefined: it is kept by another process. */
  readonly #path: string | undefined;
  readonly #onChange: (on: boolean, by: string) => void;
  #active: boolean;

  /** As the file in `dataDir` says. `onChange` is told each change, and at the start that it is on. */
  static kept(dataDir: string, onChange: (on: boolean, by: string) => void): Bypass {
    const path = join(dataDir, 'bypass');
    return new Bypass(path, existsSync(path), onChange);
  }

  /** As it is told by the process that keeps it. */
  static told(on: boolean, onChange: (on: boolean, by: string) => void): Bypass {
    return new Bypass(undefined, on, onChange);
  }

  private constructor(path: string | undefined, active: boolean, onChange: (on: boolean, by: string) => void) {
    this.#path = path;
    this.#onChange = onChange;
    this.#active = active;
    if (active) onChange(true, path === undefined ? 'the process that keeps it' : `the file ${path}`);
  }

  get active(): boolean {
    return this.#active;
  }

  /** Takes effect with the next request. Throws when the file cannot be written; then it is switched all the same, for this process only. */
  set(on: boolean, by = 'operator'): void {
    this.#active = on;
    this.#onChange(on, by);
    if (this.#path === undefined) return;
    if (on) writeFileSync(this.#path, `${JSON.stringify({ since: new Date().toISOString(), by })}\n`);
    else rmSync(this.#path, { force: true });
  }
}
