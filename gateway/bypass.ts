import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Break glass: while it is on, every request goes to legacy, without asking log, flags or bridge. A file in the data folder holds it, so
 * that it survives a restart; nothing else can turn it off.
 */
export class Bypass {
  readonly #path: string;
  readonly #onChange: (on: boolean, by: string) => void;
  #active: boolean;

  /** `onChange` is told each change, and at the start that it is on. */
  constructor(dataDir: string, onChange: (on: boolean, by: string) => void) {
    this.#path = join(dataDir, 'bypass');
    this.#onChange = onChange;
    this.#active = existsSync(this.#path);
    if (this.#active) onChange(true, `the file ${this.#path}`);
  }

  get active(): boolean {
    return this.#active;
  }

  /** Takes effect with the next request. Throws when the file cannot be written; then it is switched all the same, for this process only. */
  set(on: boolean, by = 'operator'): void {
    this.#active = on;
    this.#onChange(on, by);
    if (on) writeFileSync(this.#path, `${JSON.stringify({ since: new Date().toISOString(), by })}\n`);
    else rmSync(this.#path, { force: true });
  }
}
