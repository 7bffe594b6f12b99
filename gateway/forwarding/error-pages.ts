import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { readableFile } from '../../runtime/config-values.ts';
import { type GatewayError, gatewayErrors, problemOf } from '../errors.ts';

/** Files of HTML by the code of an error, its status, or `default`. */
export type ErrorPageFiles = Readonly<Record<string, string>>;

const isKey = (key: string) => key === 'default' || key in gatewayErrors || /^[45]\d\d$/.test(key);

/** Value of the key `errorPages`. */
export const errorPagesSchema = z
  .record(z.string().refine(isKey, 'expected a code of docs/errors.md, a status such as 503, or default'), readableFile)
  .default({})
  .meta({
    description:
      'HTML pages in place of problem details for clients that accept HTML, by code, status or default; {{status}}, {{code}}, {{title}}, {{detail}} and {{requestId}} in them are filled in.',
  });

/** The operator's own pages for errors. */
export class ErrorPages {
  readonly #pages: ReadonlyMap<string, string>;

  /** Throws when a file cannot be read. */
  constructor(files: ErrorPageFiles) {
    this.#pages = new Map(Object.entries(files).map(([key, file]) => [key, readFileSync(file, 'utf8')]));
  }

  /** The page for an error, filled in, where there is one and the client accepts HTML: the one for its code, else its status, else the default. */
  pageFor(error: GatewayError, accept: string | undefined, requestId: string): string | undefined {
    if (this.#pages.size === 0 || !acceptsHtml(accept)) return undefined;
    const { status, code, title, detail } = problemOf(error);
    const page = this.#pages.get(code) ?? this.#pages.get(String(status)) ?? this.#pages.get('default');
    return page && fillIn(page, { status: String(status), code, title, detail: detail ?? '', requestId });
  }
}

/** Only who names it: programs say `*\/*` or JSON and are given problem details. */
function acceptsHtml(accept = ''): boolean {
  return accept
    .split(',')
    .some((range) => /^\s*text\/html\s*(;|$)/i.test(range) && !/;\s*q=0(\.0*)?\s*(;|$)/i.test(range));
}

/** What a client has sent may stand in a detail: it is shown as text, never as markup. */
function fillIn(page: string, values: Readonly<Record<string, string>>): string {
  return page.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return value === undefined ? whole : value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  });
}
