import type { RunningPart } from '../runtime/part.ts';

/** What was opened, to be closed in the opposite order. */
export class Opened implements RunningPart {
  readonly #parts: RunningPart[] = [];
  #stopped: Promise<void> | undefined;

  keep<Part extends RunningPart>(part: Part): Part {
    this.#parts.push(part);
    return part;
  }

  /** It is closed when all else is: it tells of the stopping itself. */
  keepToTheEnd(part: RunningPart): void {
    this.#parts.unshift(part);
  }

  /** All is closed even when one part cannot; then that is thrown. However often it is asked, it is done once. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.#parts.splice(0).reverse()) await part.stop().catch((error) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'parts of the gateway did not stop');
  }
}

/** Opens everything, or rejects with what was opened until then closed again. */
export async function openAll<Whole>(open: (opened: Opened) => Promise<Whole>): Promise<Whole> {
  const opened = new Opened();
  try {
    return await open(opened);
  } catch (error) {
    await opened.stop();
    throw error;
  }
}
