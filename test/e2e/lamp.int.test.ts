import { beforeEach, describe, expect, it } from 'vitest';
import { startChromium } from '../real-parts/chromium.ts';
import { type LampApplication, startLamp } from '../real-parts/lamp.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
import { behindGateway } from './lamp-gateway.ts';
import { formWith, spellings, Visitor } from './visitor.ts';

const lamp = requireRealPart('WordPress, MediaWiki', () => startLamp(process.env.TEST_DB_URL!));

/** A red square of one pixel. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==',
  'base64',
);

/** How an application comes to answer under a name that is not its own. In its database stands the name under which it was installed. */
const ways: [string, (application: LampApplication) => object][] = [
  ['sees its own Host', ({ origin }) => ({ url: origin, host: 'rewrite', rewriteBodies: true, rewriteQueries: true })],
  [
    "sees the client's Host and believes what is forwarded",
    ({ origin, awareOrigin }) => ({ url: awareOrigin, rewriteBodies: true, knownAs: [origin] }),
  ],
];

describe.each(ways)('WordPress that %s', (_, legacy) => {
  const site = behindGateway(() => legacy(lamp().wordpress));
  let visitor: Visitor;
  let nonce = '';
  let post = { id: 0, link: '' };
  const anybody = () => new Visitor(site(), [lamp().wordpress.origin, lamp().wordpress.awareOrigin]);

  beforeEach(() => {
    visitor ??= anybody();
  });

  it('shows its front page and its feed', async () => {
    const front = await visitor.get('/');
    expect(front.status).toBe(200);
    expect(front.text).toContain(`${site()}/wp-includes/`);
    expect(front.headers.get('link')).toBe(`<${site()}/wp-json/>; rel="https://api.w.org/"`);
    const feed = await visitor.get('/feed/');
    expect(feed.text).toContain(`<link>${site()}</link>`);
  });

  it('sends a stranger from its administration to the log-in, and back', async () => {
    const sent = await anybody().get('/wp-admin/');
    expect(visitor.locationOf(sent)).toBe(
      `${site()}/wp-login.php?redirect_to=${encodeURIComponent(`${site()}/wp-admin/`)}&reauth=1`,
    );
  });

  it('logs its administrator in with four cookies, two of one name', async () => {
    const { user, password } = lamp().wordpress;
    const form = formWith('log', (await visitor.get('/wp-login.php')).text);
    const answer = await visitor.post('/wp-login.php', { ...form, log: user, pwd: password });
    expect(answer.status).toBe(302);
    const cookies = answer.headers
      .getSetCookie()
      .map((cookie) => `${cookie.split('=')[0]} ${/path=([^;]*)/i.exec(cookie)?.[1]}`);
    expect(cookies).toHaveLength(4);
    const paths = cookies.filter((cookie) => /^wordpress_[0-9a-f]/.test(cookie)).map((cookie) => cookie.split(' ')[1]);
    expect(paths).toEqual(['/wp-content/plugins', '/wp-admin']);
    expect((await visitor.follow(answer)).text).toContain('Welcome to WordPress');
  });

  it("is found where Apache's own redirect leads", async () => {
    const redirect = await visitor.get('/wp-admin');
    expect(redirect.headers.get('location')).toBe(`${site()}/wp-admin/`);
    expect((await visitor.follow(redirect)).status).toBe(200);
  });

  it('opens its editor and publishes a post over its REST API', async () => {
    const editor = await visitor.get('/wp-admin/post-new.php');
    nonce = /createNonceMiddleware\( "(\w+)" \)/.exec(editor.text)![1]!;
    const draft = { title: 'Strangler figs', content: `See <a href="${site()}/">here</a>`, status: 'publish' };
    const json = { 'content-type': 'application/json', 'x-wp-nonce': nonce };
    const created = await visitor.post('/wp-json/wp/v2/posts', JSON.stringify(draft), json);
    expect(created.status).toBe(201);
    post = JSON.parse(created.text) as typeof post;
    expect(visitor.locationOf(created)).toBe(`${site()}/wp-json/wp/v2/posts/${post.id}`);
    expect(new URL(post.link).origin).toBe(site());
  });

  it('shows the post, and takes a comment on it', async () => {
    const page = await visitor.get(post.link);
    expect(page.text).toContain('Strangler figs');
    expect(page.headers.get('link')!.match(new RegExp(`<${site()}/`, 'g'))).toHaveLength(3);
    const form = { ...formWith('comment_post_ID', page.text), comment: 'They grow downwards.' };
    const commented = await visitor.post('/wp-comments-post.php', form, { referer: post.link });
    expect(commented.status).toBe(302);
    expect(visitor.locationOf(commented)).toContain(`${post.link}#comment-`);
    expect((await visitor.follow(commented)).text).toContain('They grow downwards.');
  });

  it('stores an uploaded picture and gives it back', async () => {
    const headers = {
      'content-type': 'image/png',
      'content-disposition': 'attachment; filename="red.png"',
      'x-wp-nonce': nonce,
    };
    const stored = await visitor.post('/wp-json/wp/v2/media', png, headers);
    expect(stored.status).toBe(201);
    const { source_url: url } = JSON.parse(stored.text) as { source_url: string };
    expect(new URL(url).origin).toBe(site());
    const picture = await visitor.get(url);
    expect(picture.headers.get('content-length')).toBe(String(png.length));
    expect(picture.text).toBe(png.toString('latin1'));
    const part = await visitor.get(url, { range: 'bytes=1-3' });
    expect([part.status, part.text]).toEqual([206, 'PNG']);
    expect((await visitor.get('/wp-admin/upload.php?mode=list')).text).toContain('red.png');
  });

  it('takes a form of its administration and leads back to it', async () => {
    const form = formWith('blogdescription', (await visitor.get('/wp-admin/options-general.php')).text);
    const { siteurl: _, home: __, ...kept } = form;
    const saved = await visitor.post('/wp-admin/options.php', { ...kept, blogdescription: 'All about figs' });
    expect(visitor.locationOf(saved)).toBe(`${site()}/wp-admin/options-general.php?settings-updated=true`);
    expect((await visitor.follow(saved)).text).toContain('All about figs');
  });

  it('answers its REST API to a reader', async () => {
    const found = await anybody().get('/wp-json/wp/v2/posts?per_page=1&page=1');
    expect(found.headers.get('link')).toBe(`<${site()}/wp-json/wp/v2/posts?per_page=1&page=2>; rel="next"`);
    expect((await anybody().get('/wp-json/')).text).toContain(JSON.stringify(site()).replaceAll('/', '\\/'));
  });
});

describe("WordPress that sees the client's Host and insists on its own", () => {
  const site = behindGateway(() => ({ url: lamp().wordpress.origin }));

  it('sends its readers in a circle, and the gateway tells', async () => {
    const front = await new Visitor(site(), [lamp().wordpress.origin]).get('/');
    expect([front.status, front.headers.get('location')]).toEqual([301, `${site()}/`]);
    expect(await site.metrics()).toContain('strangler_redirects_back_total 1');
  });
});

describe.each(ways)('MediaWiki that %s', (_, legacy) => {
  const site = behindGateway(() => legacy(lamp().mediawiki));
  let visitor: Visitor;

  beforeEach(() => {
    visitor ??= new Visitor(site(), [lamp().mediawiki.origin, lamp().mediawiki.awareOrigin]);
  });

  it('leads to its main page', async () => {
    const page = await visitor.follow(await visitor.get('/'));
    expect(page.url).toBe(`${site()}/index.php/Main_Page`);
    expect(page.text).toContain(`Retrieved from "<a dir="ltr" href="${site()}/index.php`);
  });

  it('logs its administrator in', async () => {
    const { user, password } = lamp().mediawiki;
    const page = await visitor.get('/index.php?title=Special:UserLogin&returnto=Main+Page');
    const form = {
      ...formWith('wpLoginToken', page.text),
      wpName: user,
      wpPassword: password,
      wploginattempt: 'Log in',
    };
    const answer = await visitor.post('/index.php?title=Special:UserLogin&returnto=Main+Page', form);
    expect(answer.status).toBe(302);
    const home = await visitor.follow(answer);
    expect(home.url).toBe(`${site()}/index.php/Main_Page`);
    expect(home.text).toContain('"wgUserName":"Admin"');
  });

  it('saves an edit, shows the page and its history', async () => {
    const page = await visitor.get('/index.php?title=Figs&action=edit');
    const form = { ...formWith('wpEditToken', page.text), wpTextbox1: `Figs grow. [${site()}/ Home]`, wpSave: 'Save' };
    const saved = await visitor.post('/index.php?title=Figs&action=submit', form);
    expect(visitor.locationOf(saved)).toBe(`${site()}/index.php/Figs`);
    expect((await visitor.follow(saved)).text).toContain('Figs grow.');
    expect((await visitor.get('/index.php?title=Figs&action=history')).text).toContain('<title>Figs: Revision history');
    const feed = await visitor.get('/index.php?title=Special:RecentChanges&feed=atom');
    expect((await visitor.follow(feed)).text).toContain(`${site()}/index.php`);
  });

  it('stores an uploaded picture and gives it back', async () => {
    const page = await visitor.get('/index.php/Special:Upload');
    const form = new FormData();
    for (const [name, value] of Object.entries(formWith('wpUploadFile', page.text))) form.set(name, value);
    form.set('wpUploadFile', new Blob([png], { type: 'image/png' }), 'red.png');
    form.set('wpDestFile', `Red ${new URL(site()).port}.png`);
    form.set('wpIgnoreWarning', '1');
    form.set('wpUpload', 'Upload file');
    const stored = await visitor.follow(await visitor.post('/index.php/Special:Upload', form));
    const path = /\/images\/[^"]*Red_\d+\.png/.exec(stored.text);
    expect(path, stored.text.slice(0, 500)).not.toBeNull();
    expect((await visitor.get(path![0])).text).toBe(png.toString('latin1'));
  });

  it('answers and takes edits over its API', async () => {
    const info = JSON.parse((await visitor.get('/api.php?action=query&meta=siteinfo|tokens&format=json')).text);
    expect(info.query.general).toMatchObject({ server: site(), base: `${site()}/index.php/Main_Page` });
    const edit = {
      action: 'edit',
      title: 'By API',
      text: 'Written',
      token: info.query.tokens.csrftoken,
      format: 'json',
    };
    expect(JSON.parse((await visitor.post('/api.php', edit)).text).edit.result).toBe('Success');
    expect((await visitor.get('/index.php/By_API')).text).toContain('Written');
  });
});

describe('in a browser that is never led elsewhere', { timeout: 120_000 }, () => {
  const chromium = requireRealPart('Chromium', startChromium);
  const rewritten = (url: string) => ({ url, host: 'rewrite', rewriteBodies: true, rewriteQueries: true });
  const wordpress = behindGateway(() => rewritten(lamp().wordpress.origin));
  const mediawiki = behindGateway(() => rewritten(lamp().mediawiki.origin));

  const names = (origin: string) => (url: string) => new RegExp(spellings(origin), 'i').test(url);
  const fill = (selector: string, value: string) =>
    `document.querySelector(${JSON.stringify(selector)}).value = ${JSON.stringify(value)};`;

  it('WordPress lets its administrator write and publish', async () => {
    const { user, password } = lamp().wordpress;
    const page = await chromium().open();
    await page.visit(`${wordpress()}/wp-login.php`);
    await page.follow(
      `${fill('#user_login', user)} ${fill('#user_pass', password)} document.querySelector('#wp-submit').click()`,
    );
    expect(await page.run('location.href')).toBe(`${wordpress()}/wp-admin/`);
    await page.visit(`${wordpress()}/wp-admin/post-new.php`);
    await page.run(`(async () => {
      const { dispatch } = wp.data;
      await dispatch('core/editor').editPost({ title: 'From a browser', status: 'publish' });
      await dispatch('core/block-editor').insertBlocks(wp.blocks.createBlock('core/paragraph', { content: 'Typed.' }));
      await dispatch('core/editor').savePost();
    })()`);
    const link = await page.run<string>(`wp.data.select('core/editor').getPermalink()`);
    expect(link).toBe(`${wordpress()}/${link.split('/').slice(3).join('/')}`);
    await page.visit(link);
    expect(await page.run('document.body.innerText')).toContain('Typed.');
    expect(page.requested.filter(names(lamp().wordpress.origin))).toEqual([]);
    expect(page.errors).toEqual([]);
  });

  it('MediaWiki lets its administrator log in and edit', async () => {
    const { user, password } = lamp().mediawiki;
    const page = await chromium().open();
    await page.visit(`${mediawiki()}/index.php?title=Special:UserLogin`);
    await page.follow(
      `${fill('#wpName1', user)} ${fill('#wpPassword1', password)} document.querySelector('#wpLoginAttempt').click()`,
    );
    await page.visit(`${mediawiki()}/index.php?title=Browsers&action=edit`);
    await page.follow(`${fill('#wpTextbox1', 'Typed.')} document.querySelector('#wpSave').click()`);
    expect(await page.run('location.href')).toBe(`${mediawiki()}/index.php/Browsers`);
    expect(await page.run('document.body.innerText')).toContain('Typed.');
    expect(page.requested.filter(names(lamp().mediawiki.origin))).toEqual([]);
    expect(page.errors).toEqual([]);
  });
});
