/** `receiverPhone`, `receiver_phone` → `receiver-phone`: lower-case words joined by hyphens, as payloads and events are named. */
export function hyphenated(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return words === '' ? 'x' : words;
}

/** As `hyphenated`, and beginning with a letter, as events and capabilities are named. */
export function eventWords(name: string): string {
  const words = hyphenated(name);
  return /^[a-z]/.test(words) ? words : `x-${words}`;
}

/** `shipments` → `shipment`, `categories` → `category`, `boxes` → `box`, `status` → `status`. */
export function singular(noun: string): string {
  if (/(ss|us|is)$/.test(noun)) return noun;
  if (/ies$/.test(noun)) return `${noun.slice(0, -3)}y`;
  if (/(x|ch|sh|ss)es$/.test(noun)) return noun.slice(0, -2);
  return noun.replace(/s$/, '');
}

/** What all names begin with, up to an underscore: `wp_`; empty for fewer than three names. */
export function commonPrefix(names: readonly string[]): string {
  const [first = '', ...rest] = names;
  const prefix = /^[^_]+_/.exec(first)?.[0] ?? '';
  return rest.length >= 2 && rest.every((name) => name.startsWith(prefix)) ? prefix : '';
}
