import type { Difference } from './difference.ts';

/**
 * The class of a difference's place, for counting, so that the same difference in another record is the same place: indices of arrays become
 * stars (`/items/*` + `/price`), and a line is told by its mark-up, because its number shifts with the lines above (`line <dt><dd>`).
 */
export function placeOf(difference: Difference): string {
  if (difference.kind === 'line') return `line ${markUp(difference.control ?? difference.candidate ?? '')}`;
  const { path } = difference;
  return path.startsWith('/') ? path.replaceAll(/\/\d+(?=\/|$)/g, '/*') : path;
}

const maxTags = 6;

/** The tags a line opens, with their first class: `<p.views>`. Its text says too much to be a name. */
function markUp(line: string): string {
  const tags = [...line.matchAll(/<([a-z][\w-]*)((?:\s[^>]*)?)>/gi)].slice(0, maxTags).map(([, name, attributes]) => {
    const className = /\sclass="?([\w-]+)/.exec(attributes!)?.[1];
    return `<${name!.toLowerCase()}${className ? `.${className}` : ''}>`;
  });
  if (tags.length > 0) return tags.join('');
  return line.trim() === '' ? '(empty)' : '(text)';
}
