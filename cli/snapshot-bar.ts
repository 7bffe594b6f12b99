import type { SnapshotState } from '../cdc-bridge/positions/progress.ts';

/** Draws the progress of an initial snapshot on one line of a terminal; nothing where the output is no terminal. */
export function snapshotBar(output: NodeJS.WriteStream): (state: SnapshotState) => void {
  if (!output.isTTY) return () => {};
  const width = 24;
  return ({ table, tables, tablesDone, rows, rowsPerSecond, remainingRows, waitsFor }) => {
    const filled = Math.round((width * tablesDone) / Math.max(tables, 1));
    const bar = `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
    const left =
      remainingRows > 0 ? `, about ${remainingRows} of ${table} left${timeFor(remainingRows, rowsPerSecond)}` : '';
    const doing = waitsFor === undefined ? `${rowsPerSecond}/s${left}` : `waits for ${waitsFor}`;
    output.write(`\r\x1b[2Ksnapshot ${bar} table ${tablesDone}/${tables} ${table}  ${rows} rows  ${doing}`);
    if (tablesDone === tables) output.write('\n');
  };
}

/** `, 2 min 10 s`; nothing before a rate is known. */
function timeFor(rows: number, rowsPerSecond: number): string {
  if (rowsPerSecond === 0) return '';
  const seconds = Math.ceil(rows / rowsPerSecond);
  return seconds < 60 ? `, ${seconds} s` : `, ${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
