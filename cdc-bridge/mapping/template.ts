import { type Images, readCell } from './cell.ts';
import { Unclear } from './unclear.ts';

/**
 * Compiles `shipment-{id}` to a function from a change to the name of its stream. It throws Unclear when a column in braces has no value to name
 * with; a text with a NUL is none, because a log may cut it there and take it for another row's.
 */
export function compileTemplate(template: string): (images: Images) => string {
  const parts = template.split(/\{([^{}]+)\}/);
  const name = (images: Images, column: string) => nameOf(images, column, template);
  const [head = '', column = '', tail = ''] = parts;
  if (parts.length === 3) return (images) => head + name(images, column) + tail;
  return (images) => parts.map((part, index) => (index % 2 === 0 ? part : name(images, part))).join('');
}

function nameOf(images: Images, column: string, template: string): string {
  const cell = readCell(images, column);
  if (typeof cell === 'number' || isStreamName(cell)) return String(cell);
  throw new Unclear(
    'stream-unnamed',
    `stream ${template}: column ${column} is ${JSON.stringify(cell)}, expected a number or a text without NUL`,
  );
}

/** Whether a value can name a stream: a text that is not empty and has no NUL. */
export function isStreamName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0');
}
