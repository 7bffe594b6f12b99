import type { SnapshotState } from '../cdc-bridge/positions/progress.ts';

/** Draws the progress of an initial snapshot on one line of a terminal; nothing where the output is no terminal. */
export function snapshotBar(output: NodeJS.WriteStream, now = () => performance.now()): (state: SnapshotState) => void {
  if (!output.isTTY) return () => {};
  const started = now();
  const width = 24;
  return ({ table, tables, tablesDone, rows }) => {
    const filled = Math.round((width * tablesDone) / Math.max(tables, 1));
    const rate = Math.round((rows * 1_000) / Math.max(now() - started, 1));
    const bar = `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
    output.write(`\r\x1b[2Kinitial snapshot ${bar} table ${tablesDone}/${tables} ${table}  ${rows} rows  ${rate}/s`);
    if (tablesDone === tables) output.write('\n');
  };
}
