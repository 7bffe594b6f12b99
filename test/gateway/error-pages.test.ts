import { join } from 'node:path';
import { expect, it } from 'vitest';
import { GatewayError } from '../../gateway/errors.ts';
import { ErrorPages, errorPagesSchema } from '../../gateway/forwarding/error-pages.ts';

const file = join(import.meta.dirname, '..', 'fixtures', 'error-page.html');
const error = new GatewayError('target-busy', '<script>alert("1")</script> & more');

it('shows what a client sent as text, never as markup', () => {
  const page = new ErrorPages({ default: file }).pageFor(error, 'text/html', 'r-1');
  expect(page).toContain('&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38; more');
  expect(page).not.toContain('<script>');
});

it.each([
  [{ 'target-busy': file, 503: '/dev/null', default: '/dev/null' }, true],
  [{ 503: file, default: '/dev/null' }, true],
  [{ default: file }, true],
  [{ 'target-suspended': file }, false],
])('takes the page for the code, else for the status, else the default: %j', (files, found) => {
  const page = new ErrorPages(files).pageFor(error, 'text/html', 'r-1');
  expect(page?.includes('<title>503 target-busy</title>') ?? false).toBe(found);
});

it('refuses keys that are no error, and files that cannot be read', () => {
  expect(errorPagesSchema.safeParse({ 'no-such-code': file }).success).toBe(false);
  expect(errorPagesSchema.safeParse({ 200: file }).success).toBe(false);
  expect(errorPagesSchema.safeParse({ 503: '/no/such/file' }).success).toBe(false);
});
