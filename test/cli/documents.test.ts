import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { jsonSchema } from '../../cli/config/explain-issue.ts';
import { capabilitySchema, editorSchema } from '../../cli/config/schema.ts';
import { errorsDocument } from './errors-document.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('the documents', () => {
  it('have the JSON Schemas as `strangler schema` prints them', async () => {
    const text = (schema: z.ZodType) => `${JSON.stringify(jsonSchema(schema), null, 2)}\n`;
    await expect(text(editorSchema)).toMatchFileSnapshot('../../docs/strangler.schema.json');
    await expect(text(capabilitySchema)).toMatchFileSnapshot('../../docs/capability.schema.json');
  });

  it('list every error of every part in docs/errors.md', async () => {
    await expect(errorsDocument()).toMatchFileSnapshot('../../docs/errors.md');
  });

  it('lead nowhere that does not exist', () => {
    const pages = [
      'README.md',
      ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.md'))
        .map((name) => join('docs', name)),
    ];
    const lost = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)]
        .map((match) => join(page, '..', match[1]!))
        .filter((target) => !exists(target))
        .map((target) => `${page} → ${target}`),
    );
    expect(lost).toEqual([]);
  });

  it('name in docs/architecture.md only files that are there', () => {
    const named = [...read('docs/architecture.md').matchAll(/`([\w./-]+\.(?:ts|mjs|yaml))`/g)].map(
      (match) => match[1]!,
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !exists(path))).toEqual([]);
  });
});

function exists(path: string): boolean {
  try {
    read(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR';
  }
}
