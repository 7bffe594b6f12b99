import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Verdict } from '../../cdc-bridge/oracle/difference.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { startLamp } from '../real-parts/lamp.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
import { type RunningExample, startExample, told, verified } from './lamp-example.ts';
import { MediawikiUser, WordpressUser } from './lamp-writers.ts';

const lamp = requireRealPart('WordPress, MediaWiki', () => startLamp(process.env.TEST_DB_URL!));

const nowhere = 'http://127.0.0.1:1';
const aMoment = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
/** As MediaWiki keeps it. */
const aTime = expect.stringMatching(/^\d{14}$/);
const aNumber = expect.any(Number);
const aHash = expect.stringMatching(/^[0-9a-f]{64}$/);

/** The example before an application, started when the first test asks for it; `events` are those since it had imported all. */
function atWork(start: () => Promise<RunningExample>) {
  let starting: Promise<RunningExample> | undefined;
  let example: RunningExample | undefined;
  let imported: RecordedEvent[] = [];
  beforeEach(async () => {
    starting ??= start();
    if (example) return;
    example = await starting;
    imported = await example.events();
  }, 120_000);
  afterAll(() => example?.stop());
  return {
    get site() {
      return example!.site;
    },
    get imported() {
      return imported.map(told);
    },
    events: () => example!.events(imported.length),
    /** What mapping the kept row changes again would add, miss or change. */
    async mappedAgain() {
      const { stdout, stderr } = await example!.strangler('--json', 'cdc', 'dry-run');
      expect(stderr).toBe('');
      const { added, missing, changed, same } = JSON.parse(stdout);
      return { added, missing, changed, same };
    },
    /** Lines of the coverage that leave something open, and how many changes came to what. */
    async coverage() {
      const { code, stdout, stderr } = await example!.strangler('--json', 'cdc', 'coverage', '--fail-on', 'unmapped');
      expect(stderr).toBe('');
      const { lines, unmapped } = JSON.parse(stdout) as { lines: CountedLine[]; unmapped: number };
      const outcomes = new Set(lines.flatMap(({ seen }) => Object.keys(seen ?? {})));
      for (const name of ['table', 'op']) outcomes.delete(name);
      return { code, unmapped, outcomes: [...outcomes].sort() };
    },
  };
}

interface CountedLine {
  readonly seen?: Readonly<Record<string, unknown>>;
}

/** How often each event id is there that is there more than once. */
function repeated(events: readonly RecordedEvent[]): string[] {
  const ids = events.map(({ id }) => id);
  return ids.filter((id, index) => ids.indexOf(id) !== index);
}

function differences({ tables, notes }: Verdict): unknown[] {
  return [...tables.filter((table) => table.differences > 0 || table.untold > 0), ...notes];
}

describe('WordPress', { timeout: 240_000 }, () => {
  const example = atWork(() =>
    startExample('wordpress', {
      WORDPRESS_URL: lamp().wordpress.origin,
      WORDPRESS_DB_URL: lamp().wordpress.databaseUrl,
      WORDPRESS_HASH_KEY: 'a key that nobody knows',
      PUBLISHING_URL: nowhere,
      DISCUSSION_URL: nowhere,
    }),
  );
  const visitor = () => new WordpressUser(example.site, lamp().wordpress.origin);
  let verdict: Verdict;

  /** What an editor, a reader and an administrator do. */
  async function write(): Promise<void> {
    const editor = visitor();
    await editor.logIn(lamp().wordpress);
    const draft = { title: 'Strangler figs', content: 'They grow.', status: 'draft' };
    const { id } = await editor.rest<{ id: number }>('POST', 'posts', draft);
    const { link } = await editor.rest<{ link: string }>('POST', `posts/${id}`, { status: 'publish' });
    await editor.rest('POST', `posts/${id}`, { title: 'Würgefeigen 🌳', content: 'They grow "downwards".' });
    await visitor().comment(link, 'Zoë', 'zoe@example.org', 'From where?');
    for (const status of ['approved', 'spam', 'approved']) await editor.rest('POST', 'comments/2', { status });
    const picture = await editor.upload<{ id: number }>('fig.png');
    await editor.rest('POST', `posts/${id}`, { featured_media: picture.id, slug: 'figs' });
    await editor.rest('DELETE', `posts/${id}`);
    const trash = '/wp-admin/edit.php?post_status=trash&post_type=post';
    await editor.follow(trash, 'action=untrash', `post=${id}`);
    await editor.rest('DELETE', 'comments/2');
    await editor.rest('DELETE', `posts/${id}`);
    await editor.follow(trash, 'action=delete', `post=${id}`);
    await editor.rest('POST', 'posts', { title: 'At once', status: 'publish', date: '2020-02-29T12:00:00' });
    const ann = { username: 'ann', email: 'ann@example.org', password: 'four words are enough', roles: ['editor'] };
    await editor.rest('POST', 'users', ann);
    await editor.rest('POST', 'settings', { title: 'Shop of figs' });
  }

  it('is imported: what readers see of it, and who writes', () => {
    const { imported } = example;
    expect(imported).toContainEqual([
      'post-1',
      'post-imported',
      expect.objectContaining({ type: 'post', status: 'publish', title: 'Hello world!', slug: 'hello-world' }),
    ]);
    expect(imported).toContainEqual([
      'post-1',
      'comment-imported',
      expect.objectContaining({ 'author-name': 'A WordPress Commenter', 'author-email-hash': aHash, status: '1' }),
    ]);
    expect(imported).toContainEqual(['post-1', 'post-classification-imported', { 'taxonomy-id': 1 }]);
    expect(imported).toContainEqual(['term-1', 'term-imported', { name: 'Uncategorized', slug: 'uncategorized' }]);
    expect(imported).toContainEqual(['user-1', 'user-roles-imported', { roles: ['administrator'] }]);
    expect(imported).toContainEqual(['setting-blogname', 'setting-imported', { name: 'blogname', value: 'Shop' }]);
  });

  it('shows by SELECT what its binlog told, cell by cell', async () => {
    verdict = await verified(lamp().wordpress.databaseUrl, write);
    expect(differences(verdict)).toEqual([]);
    expect(verdict.equal).toBe(true);
    expect(verdict.transactions).toBeGreaterThan(80);
  });

  it('tells what they did in their words, in order, each once', async () => {
    const events = await example.events();
    const post = {
      type: 'post',
      title: 'Strangler figs',
      content: 'They grow.',
      excerpt: '',
      'author-id': 1,
      'local-date': aMoment,
      'parent-id': 0,
      position: 0,
      comments: 'open',
      pings: 'open',
    };
    const title = 'Würgefeigen 🌳';
    expect(events.map(told)).toEqual([
      ['post-5', 'post-drafted', { ...post, status: 'draft', slug: '', dated: '0000-00-00 00:00:00' }],
      ['post-5', 'post-classified', { 'taxonomy-id': 1 }],
      ['post-5', 'post-published', { ...post, status: 'publish', slug: 'strangler-figs', dated: aMoment }],
      [
        'post-5',
        'post-revised',
        {
          title,
          content: 'They grow "downwards".',
          excerpt: '',
          'previous-title': 'Strangler figs',
          status: 'publish',
        },
      ],
      [
        'post-5',
        'comment-posted',
        {
          'comment-id': 2,
          'author-name': 'Zoë',
          'author-email-hash': aHash,
          'author-url': '',
          'user-id': 0,
          text: 'From where?',
          'reply-to': 0,
          kind: 'comment',
          status: '0',
          'posted-at': aMoment,
          'local-date': aMoment,
        },
      ],
      ['post-5', 'comment-approved', { 'comment-id': 2, 'previous-status': '0' }],
      ['post-5', 'comment-marked-as-spam', { 'comment-id': 2, 'previous-status': '1' }],
      ['post-5', 'comment-approved', { 'comment-id': 2, 'previous-status': 'spam' }],
      [
        'post-8',
        'file-uploaded',
        { title: 'fig', description: '', caption: '', 'media-type': 'image/png', 'author-id': 1, 'parent-id': 0 },
      ],
      ['post-8', 'file-stored', { path: expect.stringMatching(/^\d{4}\/\d\d\/fig\.png$/) }],
      ['post-5', 'post-address-changed', { slug: 'figs', 'previous-slug': 'strangler-figs' }],
      ['post-5', 'post-picture-chosen', { 'picture-id': '8' }],
      ['post-5', 'post-trashed', { title, 'previous-status': 'publish' }],
      ['post-5', 'comment-hidden-with-post', { 'comment-id': 2, 'previous-status': '1' }],
      ['post-5', 'post-restored', { title, slug: 'figs', status: 'draft' }],
      ['post-5', 'comment-returned-with-post', { 'comment-id': 2, status: '1' }],
      ['post-5', 'comment-trashed', { 'comment-id': 2, 'previous-status': '1' }],
      ['post-5', 'post-trashed', { title, 'previous-status': 'draft' }],
      ['post-5', 'comment-hidden-with-post', { 'comment-id': 2, 'previous-status': 'trash' }],
      ['post-5', 'post-declassified', { 'taxonomy-id': 1 }],
      ['post-5', 'comment-deleted', { 'comment-id': 2, status: 'post-trashed' }],
      ['post-5', 'post-picture-removed', {}],
      ['post-5', 'post-deleted', { title, status: 'trash' }],
      [
        'post-9',
        'post-published',
        { ...post, title: 'At once', content: '', status: 'publish', slug: 'at-once', dated: '2020-02-29 12:00:00' },
      ],
      ['post-9', 'post-classified', { 'taxonomy-id': 1 }],
      [
        'user-2',
        'user-registered',
        {
          login: 'ann',
          'display-name': 'ann',
          'profile-name': 'ann',
          'email-hash': aHash,
          url: '',
          'registered-at': aMoment,
        },
      ],
      ['user-2', 'user-roles-changed', { roles: ['editor'] }],
      ['setting-blogname', 'setting-changed', { name: 'blogname', value: 'Shop of figs', 'previous-value': 'Shop' }],
    ]);
    expect(repeated(events)).toEqual([]);
  });

  it('gives what one request did in many transactions one group, by the plugin of docs/examples.md', async () => {
    const events = await example.events();
    const groupOf = (action: string) => events.find((event) => event.action === action)!.meta.group;
    const trashed = events.filter(({ action }) => action === 'post-trashed' || action === 'comment-hidden-with-post');
    const [first, second, third, fourth] = trashed.map(({ meta }) => meta.group);
    expect(new Set(trashed.map(({ parent }) => parent)).size).toBe(4);
    expect([first, third]).toEqual([second, fourth]);
    expect(first).not.toBe(third);
    expect(groupOf('user-registered')).toBe(groupOf('user-roles-changed'));
    expect(groupOf('post-drafted')).not.toBe(groupOf('post-published'));
    for (const { meta } of events) expect(meta.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
  });

  it('tells the rarer acts too', async () => {
    const since = (await example.events()).length;
    const editor = visitor();
    await editor.logIn(lamp().wordpress);
    const made = async (path: string, body: object) => (await editor.rest<{ id: number }>('POST', path, body)).id;
    const category = await made('categories', { name: 'Figs' });
    await editor.rest('POST', `categories/${category}`, { name: 'Fig trees', description: 'All of them' });
    const future = { status: 'future', date: '2050-01-01T00:00:00', title: 'Later', categories: [category] };
    const post = await made('posts', future);
    for (const change of [{ author: 2 }, { comment_status: 'closed' }, { status: 'draft' }, { status: 'pending' }])
      await editor.rest('POST', `posts/${post}`, change);
    const page = await made('pages', { title: 'Child', parent: 2, status: 'publish', menu_order: 3 });
    await editor.rest('POST', `pages/${page}`, { menu_order: 4 });
    const comment = await made('comments', { post: 1, content: 'By the author' });
    await editor.rest('POST', `comments/${comment}`, { content: 'By the editor' });
    await editor.rest('DELETE', `comments/${comment}`, { force: true });
    await editor.rest('POST', 'media/8', { title: 'A fig' });
    await editor.rest('DELETE', 'media/8', { force: true });
    await editor.rest('POST', 'users/2', { name: 'Ann', roles: ['author'] });
    await editor.rest('DELETE', 'users/2', { force: true, reassign: 1 });
    await editor.rest('DELETE', `categories/${category}`, { force: true });
    const events = (await example.events()).slice(since);
    expect(events.map(told).map(([stream, action]) => `${stream} ${action}`)).toEqual([
      'term-2 term-named',
      'term-2 term-introduced',
      'term-2 term-renamed',
      'term-2 term-described',
      'post-11 post-scheduled',
      'post-11 post-classified', // the default category, until its own is set
      'post-11 post-classified',
      'post-11 post-declassified',
      'post-11 post-handed-over',
      'post-11 post-discussion-changed',
      'post-11 post-unpublished',
      'post-11 post-submitted',
      'post-13 post-published',
      'post-13 post-placed',
      'post-1 comment-posted',
      'post-1 comment-approved',
      'post-1 comment-edited',
      'post-1 comment-deleted',
      'post-8 file-described',
      'post-8 file-deleted',
      'user-2 user-profile-changed',
      'user-2 user-roles-changed', // WordPress takes all away,
      'user-2 user-roles-changed', // then gives the new one
      'post-11 post-handed-over',
      'user-2 user-roles-withdrawn',
      'user-2 user-removed',
      'post-11 post-classified',
      'post-11 post-declassified',
      'term-2 term-withdrawn',
      'term-2 term-deleted',
    ]);
  });

  it('gives the same events when its kept row changes are mapped again', async () => {
    const { length: same } = await example.events();
    expect(await example.mappedAgain()).toEqual({ added: [], missing: [], changed: [], same });
  });

  it('leaves nothing out but on purpose, and no secret gets out', async () => {
    expect(await example.coverage()).toEqual({ code: 0, unmapped: 0, outcomes: ['ignored', 'mapped'] });
    const written = JSON.stringify([...example.imported, ...(await example.events())]);
    for (const secret of ['$P$', 'session_tokens', 'zoe@example.org', 'ann@example.org', 'admin@example.org'])
      expect(written).not.toContain(secret);
  });
});

describe('MediaWiki', { timeout: 240_000 }, () => {
  const example = atWork(async () => {
    const { origin } = lamp().mediawiki;
    const admin = new MediawikiUser(origin, nowhere);
    await admin.logIn(lamp().mediawiki);
    await admin.upload('Würgefeige.png', 'drawn by hand');
    await admin.edit('Old trees', '[[Category:Odd trees]]', 'planted');
    return startExample('mediawiki', {
      MEDIAWIKI_URL: origin,
      MEDIAWIKI_DB_URL: lamp().mediawiki.databaseUrl,
      MEDIAWIKI_HASH_KEY: 'a key that nobody knows',
      READING_URL: nowhere,
    });
  });
  const visitor = () => new MediawikiUser(example.site, lamp().mediawiki.origin);
  let verdict: Verdict;

  /** What a new author, a stranger and an administrator do. */
  async function write(): Promise<void> {
    const [admin, author] = [visitor(), visitor()];
    await admin.logIn(lamp().mediawiki);
    await author.register('Bob Ünï', 'four words are enough', 'bob@example.org');
    await author.edit('Strangler figs', 'Figs grow. [[Category:Odd trees]]', 'first ☂');
    await admin.edit('Strangler figs', 'Figs grow down.', '', true);
    await visitor().edit('Strangler figs', 'Figs grow “down”.', 'first ☂');
    await admin.act('move', { from: 'Strangler figs', to: 'Ficus & Über_figs', reason: 'better name' });
    const title = 'Ficus & Über figs';
    await admin.act('protect', { title, protections: 'edit=sysop', reason: 'vandals' });
    await admin.act('delete', { title, reason: 'gone' });
    await admin.act('undelete', { title, reason: 'back' });
    await admin.act('userrights', { user: 'Bob Ünï', add: 'sysop', reason: '' }, 'userrights');
  }

  it('is imported: pages, files, people, also by keys of bytes and of several columns', () => {
    const { imported } = example;
    expect(imported).toContainEqual([
      'page-2',
      'page-imported',
      expect.objectContaining({ title: 'Würgefeige.png', namespace: 6 }),
    ]);
    expect(imported).toContainEqual([
      'file-Würgefeige.png',
      'file-imported',
      expect.objectContaining({ bytes: 70, width: 1, kind: 'BITMAP', 'media-type': 'image', 'media-subtype': 'png' }),
    ]);
    expect(imported).toContainEqual(['page-3', 'page-imported', expect.objectContaining({ title: 'Old trees' })]);
    expect(imported).toContainEqual(['page-3', 'page-category-imported', { category: 'Odd trees' }]);
    expect(imported).toContainEqual(['user-1', 'user-group-imported', { group: 'sysop', until: null }]);
    expect(imported).toContainEqual(['actor-1', 'actor-imported', { name: 'Admin', 'user-id': 1 }]);
    expect(imported.filter(([, action]) => action === 'summary-imported').map(([, , data]) => data)).toContainEqual({
      text: 'planted',
    });
  });

  it('shows by SELECT what its binlog told, cell by cell', async () => {
    verdict = await verified(lamp().mediawiki.databaseUrl, write);
    expect(differences(verdict)).toEqual([]);
    expect(verdict.equal).toBe(true);
    expect(verdict.transactions).toBeGreaterThan(80);
  });

  it('tells what they did in their words, in order, each once', async () => {
    const events = await example.events();
    const afterTheAnswer = ['page-categorized', 'page-uncategorized', 'page-unprotected'];
    const isLater = ([, action]: [string, string, object]) => afterTheAnswer.includes(action);
    const acts = events.map(told).filter((event) => !isLater(event));
    const later = events.map(told).filter(isLater);
    const figs = { title: 'Strangler figs', namespace: 0 };
    const ficus = { title: 'Ficus & Über figs', namespace: 0 };
    const moving = 'Admin moved page [[Strangler figs]] to [[Ficus & Über figs]]: better name';
    const restriction = { act: 'edit', for: 'sysop', until: 'infinity', cascades: 0 };
    const byAdmin = { 'author-id': 1, author: null };
    expect(acts).toEqual([
      [
        'user-3',
        'user-registered',
        {
          name: 'Bob Ünï',
          'real-name': '',
          'email-hash': aHash,
          'email-confirmed-at': null,
          'registered-at': aTime,
        },
      ],
      ['actor-3', 'actor-introduced', { name: 'Bob Ünï', 'user-id': 3 }],
      ['summary-4', 'summary-written', { text: 'first ☂' }],
      [
        'page-4',
        'page-created',
        {
          ...figs,
          bytes: 33,
          redirect: false,
          'revision-id': 4,
          'previous-revision-id': null,
          minor: false,
          text: 'Figs grow. [[Category:Odd trees]]',
          'summary-id': 4,
          summary: 'first ☂',
          'author-id': 3,
          author: null,
          'saved-at': aTime,
        },
      ],
      [
        'page-4',
        'page-edited',
        {
          ...figs,
          ...byAdmin,
          bytes: 15,
          redirect: false,
          'revision-id': 5,
          'previous-revision-id': 4,
          minor: true,
          text: 'Figs grow down.',
          'summary-id': 1,
          summary: null,
          'saved-at': aTime,
        },
      ],
      ['actor-4', 'actor-introduced', { name: '127.0.0.1', 'user-id': null }],
      [
        'page-4',
        'page-edited',
        {
          ...figs,
          bytes: 21,
          redirect: false,
          'revision-id': 6,
          'previous-revision-id': 5,
          minor: false,
          text: 'Figs grow “down”.',
          'summary-id': 4,
          summary: null,
          'author-id': 4,
          author: '127.0.0.1',
          'saved-at': aTime,
        },
      ],
      [
        'page-4',
        'page-moved',
        {
          ...ficus,
          ...byAdmin,
          'previous-title': 'Strangler figs',
          'previous-namespace': 0,
          'reason-id': 6,
          reason: 'better name',
        },
      ],
      ['summary-5', 'summary-written', { text: moving }],
      [
        'page-5',
        'page-created',
        {
          ...figs,
          ...byAdmin,
          bytes: 32,
          redirect: true,
          'revision-id': 8,
          'previous-revision-id': null,
          minor: false,
          text: '#REDIRECT [[Ficus & Über figs]]',
          'summary-id': 5,
          summary: moving,
          'saved-at': aTime,
        },
      ],
      ['summary-6', 'summary-written', { text: 'better name' }],
      ['summary-7', 'summary-written', { text: expect.stringContaining('Protected "[[Ficus & Über figs]]": vandals') }],
      ['page-4', 'page-protected', restriction],
      ['summary-8', 'summary-written', { text: 'vandals' }],
      ['page-4', 'page-deleted', { ...ficus, ...byAdmin, 'reason-id': 9, reason: 'gone' }],
      ['summary-9', 'summary-written', { text: 'gone' }],
      [
        'page-4',
        'page-restored',
        // The latest is the one of the last second; of two within it MediaWiki takes either.
        { ...ficus, ...byAdmin, bytes: 21, redirect: false, 'revision-id': aNumber, 'reason-id': 10, reason: 'back' },
      ],
      ['summary-10', 'summary-written', { text: 'back' }],
      ['user-3', 'user-joined-group', { group: 'sysop', until: null }],
    ]);
    expect(later).toEqual([
      ['page-4', 'page-categorized', { category: 'Odd trees' }],
      ['page-4', 'page-uncategorized', { category: 'Odd trees' }],
      ['page-4', 'page-unprotected', { act: 'edit' }],
    ]);
    expect(repeated(events)).toEqual([]);
  });

  it('tells the rarer acts too', async () => {
    const since = (await example.events()).length;
    const admin = visitor();
    await admin.logIn(lamp().mediawiki);
    await admin.upload('Feige.png', 'another');
    await admin.act('delete', { title: 'File:Feige.png', reason: 'the same' });
    await admin.act('userrights', { user: 'Admin', add: 'suppress' }, 'userrights');
    await admin.act('revisiondelete', { type: 'revision', target: 'Ficus & Über figs', ids: '4', hide: 'comment' });
    const way = { from: 'Ficus & Über figs', to: 'Strangler figs', reason: '', noredirect: '1' };
    await admin.act('move', way);
    await admin.act('userrights', { user: 'Bob Ünï', remove: 'sysop' }, 'userrights');
    const events = (await example.events()).slice(since);
    expect(events.map(told).map(([stream, action]) => `${stream} ${action}`)).toEqual([
      'summary-11 summary-written',
      'file-Feige.png file-uploaded',
      'page-6 page-created',
      'page-6 page-deleted',
      'summary-12 summary-written',
      'file-Feige.png file-deleted',
      'user-1 user-joined-group',
      'page-4 revision-visibility-changed',
      'page-5 page-deleted', // the redirect that stood in the way
      'summary-13 summary-written',
      'page-4 page-moved',
      'summary-14 summary-written',
      'user-3 user-left-group',
    ]);
  });

  it('gives the same events when its kept row changes are mapped again', async () => {
    const { length: same } = await example.events();
    expect(await example.mappedAgain()).toEqual({ added: [], missing: [], changed: [], same });
  });

  it('leaves nothing out but on purpose, and no secret gets out', async () => {
    expect(await example.coverage()).toEqual({ code: 0, unmapped: 0, outcomes: ['ignored', 'mapped'] });
    const written = JSON.stringify([...example.imported, ...(await example.events())]);
    for (const secret of ['pbkdf2', 'bob@example.org', 'four words']) expect(written).not.toContain(secret);
  });
});
