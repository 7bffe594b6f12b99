import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

/** Whether `pid` is alive and its command line holds `command`: an id may long belong to somebody else. */
export function isProcess(pid: number, command: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('ps', ['-ww', '-p', String(pid), '-o', 'args='], (error, stdout) =>
      resolve(!error && stdout.includes(command)),
    );
  });
}

/** Ends a process that is not our child: SIGTERM, then SIGKILL after `graceMs`. */
export async function endProcess(pid: number, graceMs = 30_000): Promise<void> {
  const deadline = Date.now() + graceMs;
  for (let signal: NodeJS.Signals | 0 = 'SIGTERM'; send(pid, signal); signal = Date.now() > deadline ? 'SIGKILL' : 0)
    await delay(20);
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
