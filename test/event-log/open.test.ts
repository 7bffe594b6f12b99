import { isAbsolute } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { logTopLevel } from '../../event-log/config.ts';
import { parseLogUrl } from '../../event-log/log-url.ts';
import { openLog } from '../../event-log/open.ts';

const schema = z.strictObject(logTopLevel);

describe('the log in the configuration', () => {
  test('is a SQLite file under .data when nothing is said', () => {
    expect(schema.parse({})).toEqual({});
  });

  test('is refused under its key, with what exists', () => {
    const { issues } = schema.safeParse({ log: 'kafka://broker:9092' }).error!;
    expect(issues).toMatchObject([
      {
        path: ['log'],
        message: 'log: found scheme "kafka", expected sqlite:PATH such as sqlite:.data/log.db, the one store there is',
      },
    ]);
  });
});

describe('the URL of a log', () => {
  test('names a file, from the working directory on', () => {
    expect(parseLogUrl('sqlite:/var/log.db')).toEqual({ store: 'sqlite', path: '/var/log.db' });
    expect(isAbsolute(parseLogUrl('sqlite:.data/log.db').path)).toBe(true);
  });

  test.each([
    ['postgres://strangler:secret@db/log', /found scheme "postgres", expected sqlite:PATH/],
    ['.data/log.db', /found no scheme, expected sqlite:PATH/],
    ['sqlite:', /found sqlite: without a path/],
    ['', /found no scheme/],
  ])('%j is refused when opened, and no password is told', (url, message) => {
    expect(() => openLog(url)).toThrow(message);
    expect(() => openLog(url)).not.toThrow(/secret/);
  });
});
