import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../legacy-stub/config.ts';
import { storedName } from '../../legacy-stub/documents.ts';
import { html } from '../../legacy-stub/html.ts';
import { withTraceparent } from '../../legacy-stub/sqlcommenter.ts';
import { Workers } from '../../legacy-stub/workers.ts';

describe('configuration', () => {
  test('has defaults for all but the database', () => {
    const config = readConfig({ LEGACY_DB_URL: 'mysql://root:s%40cret@db' });
    expect(config.database).toEqual({ host: 'db', port: 3306, user: 'root', password: 's@cret', database: 'legacy' });
    expect([config.host, config.port]).toEqual(['127.0.0.1', 8000]);
    expect(config.uploadDir.endsWith('/.data/uploads')).toBe(true);
  });

  test('names every variable that is wrong', () => {
    expect(() => readConfig({ PORT: 'x' })).toThrow(/LEGACY_DB_URL: .*\nPORT: /);
  });
});

test('text in a template is never markup', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', 'a', 'ø') }), (text) => {
      const rendered = html`<p title="${text}">${[text]}</p>`.text;
      expect(rendered.slice('<p title="'.length, -'</p>'.length)).not.toMatch(/<|'|&(?!\w+;|#39;)/);
      expect(rendered.match(/"/g)).toHaveLength(2);
    }),
  );
});

test('nothing but a well-formed traceparent gets into SQL', () => {
  const valid = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  expect(withTraceparent('UPDATE x', valid)).toBe(`UPDATE x /*traceparent='${valid}'*/`);
  for (const header of [
    undefined,
    '',
    `${valid}\n`,
    valid.toUpperCase(),
    `ff${valid.slice(2)}`,
    `${valid}'*/`,
    valid.replace(/4bf.*36/, '0'.repeat(32)),
  ]) {
    expect(withTraceparent('UPDATE x', header)).toBe('UPDATE x');
  }
});

test('a stored name is one plain file name, whatever the client calls the file', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
      expect(storedName(7, name)).toMatch(/^7-[A-Za-z0-9._-]{1,162}$/);
    }),
  );
  expect(storedName(7, 'C:\\Users\\me\\list.pdf')).toBe('7-list.pdf');
  expect(storedName(7, '')).toBe('7-document');
});

test('no more than the given number work at a time, the others in order', async () => {
  const workers = new Workers(2);
  const order: number[] = [];
  let atWork = 0;
  await Promise.all(
    [0, 1, 2, 3, 4].map((index) =>
      workers.run(async () => {
        atWork += 1;
        expect(atWork).toBeLessThanOrEqual(2);
        order.push(index);
        await new Promise((resolve) => setImmediate(resolve));
        atWork -= 1;
      }),
    ),
  );
  expect(order).toEqual([0, 1, 2, 3, 4]);
});
