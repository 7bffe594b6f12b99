import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { browser, form, raw, startTestApplication, type TestApplication } from './legacy-application.ts';

let legacy: TestApplication;
let cookie: string;
beforeAll(async () => {
  legacy = await startTestApplication('hostile');
  cookie = await legacy.logIn();
});
afterAll(() => legacy.stop());

test.each([
  '/documents/../../etc/passwd',
  '/documents/..%2f..%2fetc%2fpasswd',
  '/documents/%2e%2e/%2e%2e/etc/passwd',
  '/documents/%2e%2e%5cetc',
  '/documents/.incoming',
  '/documents/.incoming%2f',
  '/documents/a%00.pdf',
  '/documents/%2fetc%2fpasswd',
  '/documents//etc/passwd',
])('%s serves nothing', async (target) => {
  const answer = await raw(legacy.url, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  expect(answer).not.toContain('root:');
});

test('an uploaded page is downloaded, not shown', async () => {
  await writeFile(join(legacy.uploadDir, '7-evil.html'), '<script>alert(1)</script>');
  const answer = await legacy.request('/documents/7-evil.html');
  expect(answer.headers.get('content-disposition')).toBe('attachment; filename=7-evil.html');
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
});

test.each(["' OR '1'='1", "'; DROP TABLE shipments; --", "\\' OR 1=1 -- ", '%', '_', '\\', '\0', '") OR ("'])(
  'q=%j is searched for as it stands',
  async (q) => {
    const answer = await legacy.request(`/shipments?${new URLSearchParams({ q })}`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ total: 0 });
  },
);

test('parameters given many times or as arrays and objects break nothing', async () => {
  for (const query of [
    'q=a&q=b&status=x&status=delayed',
    'q[]=a',
    'q[a][b]=c',
    '__proto__=x&page=-1',
    'page=1e9&page=999999999',
    'q=%E0%A4',
  ]) {
    expect((await legacy.request(`/shipments?${query}`)).status).toBe(200);
  }
});

test('markup in what users enter never becomes markup of the page', async () => {
  const evil = '"><script>alert(1)</script>\'';
  const created = await legacy.request(
    '/shipments',
    form({ sender: evil, receiver: evil, receiver_phone: evil }, { cookie }),
  );
  const path = new URL(created.headers.get('location') ?? '').pathname;
  await legacy.request(`${path}/notes`, form({ body: evil }, { cookie }));
  await legacy.request(`${path}/status`, form({ status: evil }, { cookie }));
  for (const page of [
    path,
    `${path}/edit`,
    '/shipments',
    '/',
    `/shipments?q=${encodeURIComponent(evil)}`,
    `/login?next=/${encodeURIComponent(evil)}`,
  ]) {
    const text = await (await legacy.request(page, { headers: { ...browser, cookie } })).text();
    expect(text).not.toContain('<script');
  }
});

test('a host that could not stand in a URL is not repeated', async () => {
  const answer = await raw(
    legacy.url,
    'GET / HTTP/1.1\r\nHost: "><b>\r\nAccept: text/html\r\nConnection: close\r\n\r\n',
  );
  expect(answer).toContain(`<link rel="canonical" href="${legacy.url}/">`);
});

test('an upload that is no multipart, has another field, or is too large is refused', async () => {
  const post = async (init: RequestInit) =>
    (await legacy.request('/shipments/7/document', { method: 'POST', ...init })).status;
  expect(await post({ body: 'abc', headers: { cookie, 'content-type': 'multipart/form-data' } })).toBe(400);
  expect(
    await post({ body: '--x\r\nrubbish', headers: { cookie, 'content-type': 'multipart/form-data; boundary=x' } }),
  ).toBe(400);
  const other = new FormData();
  other.set('picture', new Blob(['x']), 'x.txt');
  expect(await post({ body: other, headers: { cookie } })).toBe(400);
  const large = new FormData();
  large.set('document', new Blob([Buffer.alloc(17 * 1024 * 1024)]), 'x.txt');
  expect(await post({ body: large, headers: { cookie } })).toBe(413);
});

test('uploads that are refused or broken off leave no file behind', async () => {
  const body = new FormData();
  body.set('document', new Blob(['x']), 'x.txt');
  expect((await legacy.request('/shipments/7/document', { method: 'POST', body })).status).toBe(403);
  const socket = connect(Number(new URL(legacy.url).port), '127.0.0.1');
  socket.write(
    `POST /shipments/7/document HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\nContent-Type: multipart/form-data; boundary=b\r\n` +
      'Content-Length: 100000\r\n\r\n--b\r\nContent-Disposition: form-data; name="document"; filename="a.txt"\r\n\r\nhalf of it',
  );
  const incoming = () => readdir(join(legacy.uploadDir, '.incoming'));
  await vi.waitFor(async () => expect(await incoming()).toHaveLength(1), { timeout: 5_000 });
  socket.destroy();
  await once(socket, 'close');
  await vi.waitFor(async () => expect(await incoming()).toEqual([]), { timeout: 5_000 });
  expect((await legacy.request('/')).status).toBe(200);
});
