import { expect } from 'vitest';
import { formWith, type Visited, Visitor } from './visitor.ts';

const redPixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==',
  'base64',
);

const asJson = { 'content-type': 'application/json' };

/** Somebody at WordPress: what its editor and its administration send. */
export class WordpressUser {
  readonly #visitor: Visitor;
  #nonce = '';

  /** `site` is the gateway's; `hidden` the application's own origin. */
  constructor(site: string, hidden: string) {
    this.#visitor = new Visitor(site, [hidden]);
  }

  /** Logs in, and opens the editor as one does to write; that alone leaves an automatic draft behind. */
  async logIn({ user, password }: { user: string; password: string }): Promise<void> {
    const form = formWith('log', (await this.#visitor.get('/wp-login.php')).text);
    const answer = await this.#visitor.post('/wp-login.php', { ...form, log: user, pwd: password });
    expect(answer.status).toBe(302);
    const editor = await this.#visitor.get('/wp-admin/post-new.php');
    this.#nonce = /createNonceMiddleware\( "(\w+)" \)/.exec(editor.text)![1]!;
  }

  /** Sends to the REST API what the editor does: `posts`, `posts/5`, `comments/2?force=true`. Gives the answer. */
  async rest<T extends object>(method: 'POST' | 'DELETE', path: string, body: object = {}): Promise<T> {
    const headers = { ...asJson, 'x-wp-nonce': this.#nonce, 'x-http-method-override': method };
    const answer = await this.#visitor.post(`/wp-json/wp/v2/${path}`, JSON.stringify(body), headers);
    expect(answer.status, answer.text.slice(0, 500)).toBeLessThan(300);
    return JSON.parse(answer.text) as T;
  }

  /** Uploads a picture of one red pixel under this name. */
  async upload<T extends object>(name: string): Promise<T> {
    const headers = {
      'content-type': 'image/png',
      'content-disposition': `attachment; filename="${name}"`,
      'x-wp-nonce': this.#nonce,
    };
    const answer = await this.#visitor.post('/wp-json/wp/v2/media', redPixel, headers);
    expect(answer.status, answer.text.slice(0, 500)).toBe(201);
    return JSON.parse(answer.text) as T;
  }

  /** Follows a link of the administration: the one on `page` whose address has all these words. */
  async follow(page: string, ...words: string[]): Promise<Visited> {
    const { text } = await this.#visitor.get(page);
    const links = [...text.matchAll(/href=["']([^"']+)["']/g)].map(([, link]) =>
      link!.replaceAll(/&(amp|#038);/g, '&'),
    );
    const link = links.find((one) => words.every((word) => one.includes(word)));
    expect(link, `a link with ${words.join(', ')} on ${page}`).toBeDefined();
    return this.#visitor.follow(await this.#visitor.get(new URL(link!, (await this.#visitor.get(page)).url).href));
  }

  /** Comments on a post as a reader who is not logged in. */
  async comment(link: string, author: string, email: string, text: string): Promise<void> {
    const page = await this.#visitor.get(link);
    const form = { ...formWith('comment_post_ID', page.text), author, email, comment: text };
    const answer = await this.#visitor.post('/wp-comments-post.php', form, { referer: page.url });
    expect(answer.status, answer.text.slice(0, 500)).toBe(302);
  }
}

/** Somebody at MediaWiki, by the forms of its pages and its API. */
export class MediawikiUser {
  readonly #visitor: Visitor;

  /** `site` is the gateway's; `hidden` the application's own origin. */
  constructor(site: string, hidden: string) {
    this.#visitor = new Visitor(site, [hidden]);
  }

  async logIn({ user, password }: { user: string; password: string }): Promise<void> {
    const page = await this.#visitor.get('/index.php?title=Special:UserLogin');
    const form = {
      ...formWith('wpLoginToken', page.text),
      wpName: user,
      wpPassword: password,
      wploginattempt: 'Log in',
    };
    expect((await this.#visitor.post('/index.php?title=Special:UserLogin', form)).status).toBe(302);
  }

  /** Registers an account and is logged in with it. */
  async register(name: string, password: string, email: string): Promise<void> {
    const page = await this.#visitor.get('/index.php?title=Special:CreateAccount');
    const fields = { wpName: name, wpPassword: password, retype: password, email, wpCreateaccount: 'Create' };
    const answer = await this.#visitor.post('/index.php?title=Special:CreateAccount', {
      ...formWith('wpCreateaccountToken', page.text),
      ...fields,
    });
    const said = (await this.#visitor.follow(answer)).text;
    expect(said, /class="[^"]*error[^"]*"[^>]*>[^<]*/.exec(said)?.[0]).toContain(`"wgUserName":"${name}"`);
  }

  /** Saves a page in the editor. */
  async edit(title: string, text: string, summary: string, minor = false): Promise<void> {
    const query = `/index.php?title=${encodeURIComponent(title)}`;
    const page = await this.#visitor.get(`${query}&action=edit`);
    const form = { ...formWith('wpEditToken', page.text), wpTextbox1: text, wpSummary: summary, wpSave: 'Save' };
    const answer = await this.#visitor.post(`${query}&action=submit`, minor ? { ...form, wpMinoredit: '1' } : form);
    expect(answer.status, answer.text.slice(0, 500)).toBe(302);
  }

  /** Uploads a picture of one red pixel under this name. */
  async upload(name: string, summary: string): Promise<void> {
    const page = await this.#visitor.get('/index.php/Special:Upload');
    const form = new FormData();
    for (const [field, value] of Object.entries(formWith('wpUploadFile', page.text))) form.set(field, value);
    form.set('wpUploadFile', new Blob([redPixel], { type: 'image/png' }), name);
    form.set('wpDestFile', name);
    form.set('wpUploadDescription', summary);
    form.set('wpIgnoreWarning', '1');
    form.set('wpUpload', 'Upload file');
    const answer = await this.#visitor.post('/index.php/Special:Upload', form);
    expect(answer.status, answer.text.slice(0, 500)).toBe(302);
  }

  /** Asks the API to do something that needs a token: move, delete, undelete. */
  async act(action: string, words: Record<string, string>, kind = 'csrf'): Promise<object> {
    const asked = await this.#visitor.get(`/api.php?action=query&meta=tokens&type=${kind}&format=json`);
    const token: string = JSON.parse(asked.text).query.tokens[`${kind}token`];
    const answer = await this.#visitor.post('/api.php', { action, format: 'json', token, ...words });
    const said = JSON.parse(answer.text);
    expect(said.error, answer.text).toBeUndefined();
    return said[action];
  }
}
