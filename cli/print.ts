import { styleText } from 'node:util';

/** Writes one value as JSON when that was asked for, else as `human` makes it. */
export function print<T>(options: { json?: boolean }, value: T, human: (value: T) => string): void {
  process.stdout.write(options.json ? `${JSON.stringify(value, null, 2)}\n` : `${human(value)}\n`);
}

/** Rows under a heading, columns as wide as their widest cell. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heading.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [bold(line(heading)), ...rows.map(line)].join('\n');
}

/** Styles only where a person looks: not into a file or a pipe. */
const styled = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow') => (text: string) =>
  process.stdout.isTTY ? styleText(style, text) : text;

export const bold = styled('bold');
export const dim = styled('dim');
export const red = styled('red');
export const green = styled('green');
export const yellow = styled('yellow');

export function percentText(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(part === whole ? 0 : 2)} %`;
}
