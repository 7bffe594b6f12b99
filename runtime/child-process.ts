import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A process this one started, and how to end it by its id. */
export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  /** SIGTERM, then SIGKILL after `graceMs`. Resolves when the process is gone. Idempotent. */
  stop(graceMs?: number): Promise<void>;
  /** Resolves with how it ended, whoever ended it. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/**
 * Starts a process in a session of its own, so that a terminal's Ctrl-C reaches only the parent, which then stops each child in order.
 * Rejects when the program cannot be started.
 */
export async function startChild(command: string, args: readonly string[], options: SpawnOptions = {}): Promise<Child> {
  const child = spawn(command, args, { detached: true, stdio: 'ignore', ...options });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await once(child, 'spawn');
  return {
    pid: child.pid!,
    process: child,
    exited,
    async stop(graceMs = 15_000) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(kill);
    },
  };
}
