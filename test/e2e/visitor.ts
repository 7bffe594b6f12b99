import { expect } from 'vitest';

type SentBody = NonNullable<RequestInit['body']>;

/** What one visit brought. */
export interface Visited {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  /** The body as text; of an image its bytes as Latin-1. */
  readonly text: string;
}

/**
 * A browser without scripts, who looks at every byte: keeps cookies as RFC 6265 says, follows redirects when told to, and fails the test
 * as soon as an answer names one of the places that are to stay hidden, in whatever spelling, in a header field or in the body.
 */
export class Visitor {
  readonly #site: string;
  readonly #hidden: RegExp;
  readonly #cookies = new Map<string, { name: string; value: string; path: string }>();

  /** `site`: `http://localhost:20000`; `hidden`: origins that no answer may name. */
  constructor(site: string, hidden: readonly string[]) {
    this.#site = site;
    this.#hidden = new RegExp(`.{0,60}(?:${hidden.map(spellings).join('|')}).{0,40}`, 'i');
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Visited> {
    return this.#ask(path, { headers });
  }

  /** Sends a form, or JSON, or bytes with their own headers. */
  post(path: string, body: Record<string, string> | SentBody, headers: Record<string, string> = {}): Promise<Visited> {
    const form = Object.getPrototypeOf(body) === Object.prototype;
    const sent = form ? new URLSearchParams(body as Record<string, string>) : (body as SentBody);
    return this.#ask(path, { method: 'POST', body: sent, headers: { origin: this.#site, ...headers } });
  }

  /** The page that redirects lead to; each must lead to the site itself. */
  async follow(visited: Visited): Promise<Visited> {
    let last = visited;
    for (let steps = 0; last.status >= 300 && last.status < 400; steps += 1) {
      expect(steps, `redirects from ${visited.url}, now at ${last.url}`).toBeLessThan(10);
      last = await this.get(this.locationOf(last), { referer: last.url });
    }
    return last;
  }

  /** The Location of an answer, which leads to the site itself. */
  locationOf({ url, status, headers }: Visited): string {
    const location = headers.get('location');
    expect(location, `Location of ${status} ${url}`).not.toBeNull();
    const target = new URL(location!, url);
    expect(target.origin).toBe(this.#site);
    return target.href;
  }

  async #ask(path: string, init: RequestInit): Promise<Visited> {
    const url = new URL(path, this.#site);
    expect(url.origin).toBe(this.#site);
    const answer = await fetch(url, {
      ...init,
      headers: { ...this.#cookiesFor(url), ...init.headers },
      redirect: 'manual',
    });
    const text = Buffer.from(await answer.arrayBuffer()).toString(isText(answer) ? 'utf8' : 'latin1');
    for (const line of answer.headers.getSetCookie()) this.#keep(line, url);
    const said = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
    expect(this.#hidden.exec(said)?.[0], `a header field of ${url.href}`).toBeUndefined();
    expect(this.#hidden.exec(text)?.[0], `the body of ${url.href}`).toBeUndefined();
    return { url: url.href, status: answer.status, headers: answer.headers, text };
  }

  #cookiesFor(url: URL): Record<string, string> {
    const sent = [...this.#cookies.values()].filter(({ path }) => covers(path, url.pathname));
    sent.sort((a, b) => b.path.length - a.path.length);
    return sent.length === 0 ? {} : { cookie: sent.map(({ name, value }) => `${name}=${value}`).join('; ') };
  }

  /** A cookie for another site is refused, as a browser does; one of the past is forgotten. */
  #keep(line: string, url: URL): void {
    const [pair, ...rest] = line.split(';').map((piece) => piece.trim());
    const at = pair!.indexOf('=');
    const attributes = new Map(
      rest.map((piece) => [piece.split('=')[0]!.toLowerCase(), piece.slice(piece.indexOf('=') + 1)]),
    );
    expect(attributes.get('domain') ?? url.hostname, `the domain of ${line}`).toBe(url.hostname);
    const path = attributes.get('path') ?? '/';
    const cookie = { name: pair!.slice(0, at), value: pair!.slice(at + 1), path };
    const isOver =
      Date.parse(attributes.get('expires') ?? '') < Date.now() || Number(attributes.get('max-age') ?? 1) <= 0;
    if (isOver) this.#cookies.delete(`${cookie.name} ${path}`);
    else this.#cookies.set(`${cookie.name} ${path}`, cookie);
  }
}

/** A pattern of an origin's authority in every spelling: `127.0.0.1:8000`, `127.0.0.1%3A8000`, `127.0.0.1%253a8000`. */
export function spellings(origin: string): string {
  return `${new URL(origin).host.replaceAll('.', '\\.').replace(':', '(?::|%(?:25)*3A)')}(?!\\d)`;
}

function isText({ headers }: Response): boolean {
  return /text|json|xml|javascript/.test(headers.get('content-type') ?? '');
}

function covers(path: string, asked: string): boolean {
  return asked === path || asked.startsWith(path.endsWith('/') ? path : `${path}/`);
}

/** The fields of the page's form that has a field of that name, as they would be sent unchanged. */
export function formWith(fieldName: string, html: string): Record<string, string> {
  const forms = html.match(/<form\b[\s\S]*?<\/form>/gi) ?? [];
  const form = forms.find((one) => new RegExp(`name=["']${fieldName}["']`).test(one));
  expect(form, `a form with ${fieldName}`).toBeDefined();
  return Object.fromEntries([...inputsOf(form!), ...selectsOf(form!), ...textareasOf(form!)]);
}

function inputsOf(form: string): [string, string][] {
  const inputs = [...form.matchAll(/<input\b[^>]*>/gi)].map(([input]) => attributesOf(input));
  const sent = inputs.filter(({ name, type = 'text', ...rest }) => {
    if (name === undefined || type === 'submit' || type === 'file' || type === 'button') return false;
    return (type !== 'checkbox' && type !== 'radio') || 'checked' in rest;
  });
  return sent.map(({ name, value = '' }) => [name!, value]);
}

/** The option that is selected, else the first. */
function selectsOf(form: string): [string, string][] {
  const selects = [...form.matchAll(/(<select\b[^>]*>)([\s\S]*?)<\/select>/gi)];
  return selects.flatMap(([, tag, inside]): [string, string][] => {
    const options = [...inside!.matchAll(/<option\b[^>]*>/gi)].map(([option]) => attributesOf(option));
    const chosen = options.find((option) => 'selected' in option) ?? options[0];
    const { name } = attributesOf(tag!);
    return name === undefined || !chosen ? [] : [[name, chosen.value ?? '']];
  });
}

function textareasOf(form: string): [string, string][] {
  const areas = [...form.matchAll(/(<textarea\b[^>]*>)([\s\S]*?)<\/textarea>/gi)];
  return areas.flatMap(([, tag, text]): [string, string][] => {
    const { name } = attributesOf(tag!);
    return name === undefined ? [] : [[name, plain(text!)]];
  });
}

function attributesOf(tag: string): Record<string, string> {
  const found = [...tag.matchAll(/([\w-]+)(?:=(?:"([^"]*)"|'([^']*)'))?/g)].slice(1);
  return Object.fromEntries(
    found.map(([, name, double, single]) => [name!.toLowerCase(), plain(double ?? single ?? '')]),
  );
}

function plain(html: string): string {
  return html
    .replace(/&(?:amp|#0?38);/g, '&')
    .replace(/&quot;/g, '"')
    .replace(/&#0?39;/g, "'");
}
