import { bold, table } from '../cli/print.ts';

/** How much is done; more takes longer and is less noisy. */
export interface Effort {
  /** lag: legacy writes a second; lag and latency: for how long. */
  readonly writesPerSecond: number;
  readonly seconds: number;
  /** proxy, latency: how often each program takes its turn. proxy: requests of a turn; memory takes a hundred times as many in all. */
  readonly pairs: number;
  readonly requests: number;
  /** start: how many fresh folders. */
  readonly runs: number;
  /** flag: how often it is changed. */
  readonly changes: number;
}

/** What one bench found. */
export interface Report {
  readonly bench: string;
  readonly tables: readonly ReportTable[];
  /** Load average of the machine's last minute before the bench began: what else was going on. */
  readonly loadBefore?: number;
}

export interface ReportTable {
  readonly title: string;
  readonly columns: readonly string[];
  /** A number is printed with two decimals below 10, with one below 100, else with none. */
  readonly rows: readonly (readonly (string | number)[])[];
}

export function reportText({ bench, tables, loadBefore }: Report): string {
  const parts = tables.map(
    ({ title, columns, rows }) =>
      `${title}\n${table(
        columns,
        rows.map((row) => row.map(cellText)),
      )}\n`,
  );
  return [`${bold(bench)}  (load average before: ${loadBefore?.toFixed(2) ?? '?'})\n`, ...parts].join('\n');
}

function cellText(cell: string | number): string {
  if (typeof cell === 'string' || Number.isInteger(cell)) return String(cell);
  return cell.toFixed(cell < 10 ? 2 : cell < 100 ? 1 : 0);
}
