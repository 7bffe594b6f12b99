import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { compileMapping } from '../cdc-bridge/mapping/mapping.ts';
import type { Row, RowChange, RowOp } from '../cdc-bridge/mapping/row-change.ts';
import { allTables } from '../cli/bridge-slice.ts';
import { loadConfiguration } from '../cli/config/load.ts';
import { readEnvironment } from '../cli/environment.ts';
import { loadMappingFunctions } from '../cli/mapping-functions.ts';
import { rolesOf } from '../examples/wordpress/roles.ts';

const root = join(import.meta.dirname, '..');
const variables = Object.fromEntries(
  ['WORDPRESS', 'MEDIAWIKI'].flatMap((name) => [
    [`${name}_URL`, 'http://127.0.0.1:8000'],
    [`${name}_DB_URL`, 'mysql://cdc@127.0.0.1/legacy'],
    [`${name}_HASH_KEY`, 'a key that nobody knows'],
  ]),
);

/** The mapping of an example, with the functions beside it. */
async function mappingOf(name: string) {
  const loaded = loadConfiguration(join(root, 'examples', name, 'strangler.yaml'), {
    ...readEnvironment(),
    ...variables,
  });
  return compileMapping(allTables(loaded.configuration.capabilities), await loadMappingFunctions(loaded));
}

const change = (table: string, op: RowOp, after: Row, before?: Row): RowChange => ({
  table,
  op,
  pos: 0,
  row: 0,
  ...(before && { before }),
  ...(op !== 'd' && { after }),
});
const bytes = (text: string | Buffer) => Buffer.from(text).toString('base64');

describe('the example for MediaWiki', () => {
  const page: Row = {
    page_id: 7,
    page_namespace: 0,
    page_title: bytes('A_b'),
    page_latest: 3,
    page_len: 9,
    page_is_redirect: 0,
    page_lang: null,
  };
  const revision: Row = {
    ...{ rev_id: 4, rev_page: 7, rev_comment_id: 0, rev_actor: 1, rev_timestamp: bytes('20260101000000') },
    ...{ rev_minor_edit: 0, rev_deleted: 0, rev_len: 9, rev_parent_id: 3, rev_sha1: bytes('x') },
  };
  const edit = (text: Row, more: RowChange[], overridden: Row = {}): RowChange[] => [
    change('revision', 'c', { ...revision, ...overridden }),
    change('slots', 'c', { slot_revision_id: 4, slot_role_id: 2, slot_content_id: 91, slot_origin: 4 }),
    change('slots', 'c', { slot_revision_id: 4, slot_role_id: 1, slot_content_id: 90, slot_origin: 4 }),
    change('content', 'c', { content_id: 90, content_address: bytes('tt:55') }),
    change('text', 'c', { old_id: 55, ...text }),
    ...more,
    change('page', 'u', { ...page, page_latest: 4 }, page),
  ];
  const temporary = change('revision_comment_temp', 'c', { revcomment_rev: 4, revcomment_comment_id: 12 });
  const plain = { old_text: bytes('Grün'), old_flags: bytes('utf-8') };
  const edited = async (rows: RowChange[]) => (await mappingOf('mediawiki')).of(rows).at(-1)!;

  it('reads text that the wiki keeps compressed, and tells nothing of text that it keeps elsewhere', async () => {
    const packed = { old_text: bytes(deflateRawSync(Buffer.from('Grün'))), old_flags: bytes('utf-8,gzip') };
    expect(await edited(edit(packed, [temporary]))).toMatchObject({
      events: [{ data: { title: 'A b', text: 'Grün' } }],
    });
    const external = { old_text: bytes('DB://cluster1/5'), old_flags: bytes('utf-8,external') };
    expect(await edited(edit(external, [temporary]))).toMatchObject({ events: [{ data: { text: null } }] });
  });

  it('finds the summary where MediaWiki 1.39 keeps it, and where 1.40 does', async () => {
    const comment = change('comment', 'c', { comment_id: 12, comment_text: bytes('why') });
    const summary = { 'summary-id': 12, summary: 'why' };
    expect(await edited(edit(plain, [temporary, comment]))).toMatchObject({ events: [{ data: summary }] });
    expect(await edited(edit(plain, [comment], { rev_comment_id: 12 }))).toMatchObject({ events: [{ data: summary }] });
  });

  it('parks an edit whose transaction lacks what it must have, or whose text is in an encoding of old', async () => {
    expect(await edited(edit(plain, []))).toMatchObject({
      kind: 'unclear',
      reason: 'function-failed',
      detail: expect.stringContaining('revision_comment_temp with revcomment_rev = 4'),
      stream: 'page-7',
    });
    const old = { old_text: bytes(Buffer.from('Gr\xfcn', 'latin1')), old_flags: bytes('') };
    expect(await edited(edit(old, [temporary]))).toMatchObject({ reason: 'function-failed' });
  });

  it('takes a revision without a slot of its own for no edit', async () => {
    const rows = [
      change('revision', 'c', revision),
      change('slots', 'c', { slot_revision_id: 4, slot_role_id: 1, slot_content_id: 90, slot_origin: 3 }),
      change('page', 'u', { ...page, page_latest: 4 }, page),
    ];
    expect(await edited(rows)).toEqual({ kind: 'ignored' });
  });
});

describe('the example for WordPress', () => {
  const roles = (meta_value: string) =>
    rolesOf({ change: change('wp_usermeta', 'c', { meta_value }), transaction: [] });

  it('reads roles out of serialized PHP, and refuses what is none', () => {
    expect(roles('a:2:{s:6:"editor";b:1;s:9:"shop_crew";b:1;}')).toEqual({ data: { roles: ['editor', 'shop_crew'] } });
    expect(roles('a:2:{s:6:"editor";b:0;s:6:"author";b:1;}')).toEqual({ data: { roles: ['author'] } });
    expect(roles('a:0:{}')).toEqual({ data: { roles: [] } });
    expect(() => roles('O:8:"stdClass":0:{}')).toThrow('expected a serialized array of roles');
  });

  it('counts the posts of a plugin as unmapped', async () => {
    const mapping = await mappingOf('wordpress');
    const [product] = mapping.of([change('wp_posts', 'c', { ID: 1, post_type: 'product', post_status: 'publish' })]);
    expect(product).toEqual({ kind: 'unmapped' });
  });
});
