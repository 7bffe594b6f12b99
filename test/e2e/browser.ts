/** What a browser does that `fetch` does not: keeps cookies by path, follows a redirect after a post, asks for HTML. */
export class Browser {
  readonly #origin: string;
  readonly #cookies = new Map<string, { value: string; path: string }>();

  constructor(origin: string) {
    this.#origin = origin;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#ask(path, { headers });
  }

  /** Posts a form (or a multipart form) and follows the redirect, as browsers do. */
  async post(
    path: string,
    form: Record<string, string> | FormData,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const body = form instanceof FormData ? form : new URLSearchParams(form);
    const answer = await this.#ask(path, { method: 'POST', body, headers });
    const location = answer.headers.get('location');
    return location && answer.status >= 300 && answer.status < 400 ? this.get(location) : answer;
  }

  cookie(name: string): string | undefined {
    return [...this.#cookies].find(([key]) => key.startsWith(`${name};`))?.[1].value;
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    const url = new URL(path, this.#origin);
    const sent = [...this.#cookies]
      .filter(([, { path }]) => url.pathname.startsWith(path))
      .map(([key, { value }]) => `${key.split(';')[0]}=${value}`);
    const headers = {
      accept: 'text/html,application/xhtml+xml',
      ...(sent.length > 0 ? { cookie: sent.join('; ') } : {}),
      ...init.headers,
    };
    const answer = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) this.#keep(line);
    return answer;
  }

  #keep(line: string): void {
    const [pair, ...attributes] = line.split(/;\s*/);
    const [name, value] = [pair!.slice(0, pair!.indexOf('=')), pair!.slice(pair!.indexOf('=') + 1)];
    const path = /^path=(.*)$/i.exec(attributes.find((attribute) => /^path=/i.test(attribute)) ?? '')?.[1] ?? '/';
    this.#cookies.set(`${name};${path}`, { value, path });
  }
}
