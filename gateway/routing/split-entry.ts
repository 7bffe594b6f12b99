import type { Target } from './stage.ts';

/** Who goes where, one line of a split. Several names in one header or cookie entry must all hold. */
export type SplitEntry = { readonly to: Target } & (
  | { readonly kind: 'header' | 'cookie'; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: 'user'; readonly users: readonly string[] }
  | { readonly kind: 'flag'; readonly flag: string }
  | { readonly kind: 'percent'; readonly percent: number }
);

/** An entry in one line, for lists of routes: `flag new-shipments → new`. */
export function splitEntryText(entry: SplitEntry): string {
  return `${condition(entry)} → ${entry.to}`;
}

function condition(entry: SplitEntry): string {
  switch (entry.kind) {
    case 'header':
    case 'cookie':
      return Object.entries(entry.values)
        .map(([name, value]) => `${entry.kind} ${name}=${value}`)
        .join(' and ');
    case 'user':
      return `user ${entry.users.join(', ')}`;
    case 'flag':
      return `flag ${entry.flag}`;
    case 'percent':
      return `${entry.percent} %`;
    default:
      return entry satisfies never;
  }
}
