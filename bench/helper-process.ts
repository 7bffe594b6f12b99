import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startChild } from '../runtime/child-process.ts';

/** A program of the bench in a process of its own, so that it disturbs neither what is measured nor who measures. */
export interface HelperProcess<First> {
  readonly pid: number;
  /** What it told first, when it was ready. */
  readonly first: First;
  /** Sends a message and resolves with the next answer. */
  ask<Answer>(message: object): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts a TypeScript program that sends one message over IPC when it is ready, and that ends when this process does. */
export async function startHelper<First>(program: URL, args: readonly string[] = []): Promise<HelperProcess<First>> {
  const child = await startChild(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), fileURLToPath(program), ...args],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  const answer = async () => {
    const ended = child.exited.then(({ code, signal }) => {
      throw new Error(`${fileURLToPath(program)} ended (${signal ?? `code ${code}`}) before it answered`);
    });
    const [message] = await Promise.race([once(child.process, 'message'), ended]);
    return message;
  };
  return {
    pid: child.pid,
    first: await answer(),
    ask(message) {
      const answered = answer();
      child.process.send(message);
      return answered;
    },
    stop: () => child.stop(),
  };
}

/** Called by such a program: ends it when the process that started it is gone. */
export function endWithParent(): void {
  process.once('disconnect', () => process.exit());
}
