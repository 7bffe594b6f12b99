import { readCell } from './cell.ts';
import type { Row } from './row-change.ts';
import { Unclear } from './unclear.ts';

/**
 * Compiles `shipment-{id}` to a function from row to stream name. It throws Unclear when a column in braces has no value to name with; a text
 * with a NUL is none, because a log may cut it there and take it for another row's.
 */
export function compileTemplate(template: string): (row: Row) => string {
  const parts = template.split(/\{([^{}]+)\}/);
  return (row) => parts.map((part, index) => (index % 2 === 0 ? part : nameOf(row, part, template))).join('');
}

function nameOf(row: Row, column: string, template: string): string {
  const cell = readCell(row, column);
  if ((typeof cell === 'string' && cell !== '' && !cell.includes('\0')) || typeof cell === 'number')
    return String(cell);
  throw new Unclear(
    'stream-unnamed',
    `stream ${template}: column ${column} is ${JSON.stringify(cell)}, expected a number or a text without NUL`,
  );
}
