import { readCell } from './cell.ts';
import type { Row } from './row-change.ts';
import { Unclear } from './unclear.ts';

/** Compiles `shipment-{id}` to a function from row to stream name. It throws Unclear when a column in braces has no value to name with. */
export function compileTemplate(template: string): (row: Row) => string {
  const parts = template.split(/\{([^{}]+)\}/);
  return (row) => parts.map((part, index) => (index % 2 === 0 ? part : nameOf(row, part, template))).join('');
}

function nameOf(row: Row, column: string, template: string): string {
  const cell = readCell(row, column);
  if ((typeof cell === 'string' && cell !== '') || typeof cell === 'number') return String(cell);
  throw new Unclear(
    'stream-unnamed',
    `stream ${template}: column ${column} is ${JSON.stringify(cell)}, expected a text or a number`,
  );
}
