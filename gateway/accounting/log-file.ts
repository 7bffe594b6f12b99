import type { Stats } from 'node:fs';
import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LogDestination } from './log-destination.ts';

/** When a new file is begun: `access.log` becomes `access.log.1`, which becomes `access.log.2`, up to `keep`. */
export interface Rotation {
  readonly maxBytes: number;
  readonly keep: number;
}

/** A log file. */
export interface LogFileOptions {
  readonly path: string;
  /** Undefined: never rotated here. */
  readonly rotation: Rotation | undefined;
  /** The file could not be rotated; it is written on and tried again after as many bytes. */
  readonly rotationFailed: (error: Error) => void;
}

const newline = 0x0a;

/**
 * A file that is appended to, opened by the first write. It is rotated between two lines, so a file is longer than `maxBytes` by at most one
 * write. What is no regular file (/dev/stderr, a pipe) is never rotated.
 */
export class LogFile implements LogDestination {
  readonly #options: LogFileOptions;
  #handle: FileHandle | undefined;
  /** Bytes until rotation. */
  #room = Number.POSITIVE_INFINITY;
  #atLineStart = true;

  constructor(options: LogFileOptions) {
    this.#options = options;
  }

  async write(bytes: Buffer): Promise<number> {
    this.#handle ??= await this.#open();
    if (this.#room <= 0 && this.#atLineStart) await this.#rotate();
    const { bytesWritten } = await this.#handle.write(bytes);
    this.#room -= bytesWritten;
    this.#atLineStart = bytes[bytesWritten - 1] === newline;
    return bytesWritten;
  }

  /** The old file is closed only when the new one is open: while the place cannot be written to, lines go where they went. */
  async reopen(): Promise<void> {
    const before = this.#handle;
    this.#handle = await this.#open();
    await before?.close();
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async #open(): Promise<FileHandle> {
    const { path, rotation } = this.#options;
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, 'a', 0o640);
    const found = await handle.stat();
    this.#room = rotation && found.isFile() ? rotation.maxBytes - found.size : Number.POSITIVE_INFINITY;
    this.#atLineStart = true;
    return handle;
  }

  /** Another process that writes to the same place may have rotated it already. */
  async #isMovedAway(): Promise<boolean> {
    const ours = await this.#handle!.stat();
    const there = await statIfThere(this.#options.path);
    return there?.ino !== ours.ino || there.dev !== ours.dev;
  }

  async #rotate(): Promise<void> {
    const { path, rotation, rotationFailed } = this.#options;
    const { maxBytes, keep } = rotation!;
    try {
      if (await this.#isMovedAway()) return await this.reopen();
      for (let age = keep - 1; age > 0; age -= 1) await renameIfThere(`${path}.${age}`, `${path}.${age + 1}`);
      await renameIfThere(path, `${path}.1`);
      await this.reopen();
    } catch (error) {
      this.#room = maxBytes;
      rotationFailed(error as Error);
    }
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch(unlessMissing);
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  return (await stat(path).catch(unlessMissing)) ?? undefined;
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
