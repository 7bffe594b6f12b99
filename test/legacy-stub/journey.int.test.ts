import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browser, form, raw, startTestApplication, type TestApplication } from './legacy-application.ts';

let legacy: TestApplication;
let cookie: string;

beforeAll(async () => {
  legacy = await startTestApplication('journey');
  cookie = await legacy.logIn();
});
afterAll(() => legacy.stop());

const page = async (path: string, headers: Record<string, string> = {}) => {
  const answer = await legacy.request(path, { headers: { ...browser, ...headers } });
  return { status: answer.status, text: await answer.text(), answer };
};
const shipment = async (path: string) => (await legacy.request(path)).json() as Promise<Record<string, unknown>>;
const pathOf = (answer: Response) => {
  const location = answer.headers.get('location') ?? '';
  expect(location.startsWith(`${legacy.url}/`)).toBe(true);
  return location.slice(legacy.url.length);
};

/** Tags that were opened and not closed in order; empty for a well-formed page. */
const unbalanced = (text: string): string[] => {
  const open: string[] = [];
  for (const [, slash, tag] of text.matchAll(/<(\/?)([a-z0-9]+)(?:\s[^<>]*)?>/g)) {
    if (['meta', 'link', 'input'].includes(tag!)) continue;
    if (slash === '') open.push(tag!);
    else if (open.pop() !== tag) return [`</${tag}>`];
  }
  return open;
};

describe('a visitor', () => {
  test.each(['/', '/shipments', '/shipments/7', '/customers', '/customers/1', '/login'])(
    'reads %s as a well-formed page',
    async (path) => {
      const { status, text } = await page(path);
      expect(status).toBe(200);
      expect(unbalanced(text)).toEqual([]);
      expect(text).toContain(`<link rel="canonical" href="${legacy.url}${path}">`);
    },
  );

  test('sees twenty shipments a page, newest first, and as JSON the total', async () => {
    const first = (await (await legacy.request('/shipments')).json()) as {
      shipments: { id: number }[];
      total: number;
      page: number;
    };
    expect([first.total, first.page, first.shipments.length]).toEqual([60, 1, 20]);
    expect(first.shipments.map(({ id }) => id).slice(0, 3)).toEqual([60, 59, 58]);
    const third = (await (await legacy.request('/shipments?page=3')).json()) as typeof first;
    expect(third.shipments.at(-1)?.id).toBe(1);
  });

  test('finds shipments by a part of sender or receiver and by status', async () => {
    const found = (await (await legacy.request('/shipments?q=bil&status=in_transit')).json()) as {
      shipments: { id: number; sender: string; receiver: string; shipment_status: string }[];
    };
    expect(found.shipments.map(({ id }) => id)).toContain(7);
    for (const each of found.shipments) {
      expect(each.sender + each.receiver).toContain('bil');
      expect(each.shipment_status).toBe('in_transit');
    }
  });

  test('gets a shipment as JSON with exactly the agreed shape', async () => {
    expect(await shipment('/shipments/7')).toEqual({
      id: 7,
      customer_id: 3,
      customer_name: 'Bob & Sons',
      sender: 'bob',
      receiver: 'bill',
      receiver_phone: null,
      shipment_status: 'in_transit',
      price: '12.50',
      estimated_arrival: '2025-12-24',
      document: null,
      created_at: '2025-12-01 10:00:00',
      updated_at: '2025-12-02 08:15:00',
      packing_list: [
        { id: 13, description: 'marbles', quantity: 2 },
        { id: 14, description: 'string', quantity: 1 },
        { id: 15, description: 'toothpick', quantity: 100 },
      ],
      notes: [{ id: 3, author: 'alice', body: 'Ring twice, the bell is broken.', created_at: '2025-12-02 11:20:00' }],
      views: expect.any(Number),
    });
  });

  test('is sent to the log-in page by forms, and comes back after it', async () => {
    const { status, answer } = await page('/shipments/new');
    expect([status, pathOf(answer)]).toEqual([302, '/login?next=%2Fshipments%2Fnew']);
    const back = await legacy.request('/login', form({ user: 'bob', password: 'secret', next: '/shipments/new' }));
    expect(pathOf(back)).toBe('/shipments/new');
  });

  test('is refused writes by form when asking for JSON', async () => {
    const answer = await legacy.request('/shipments/7/status', form({ status: 'delayed' }));
    expect([answer.status, await answer.json()]).toEqual([403, { error: 'log in first' }]);
  });

  test('is never sent to another site after log-in', async () => {
    for (const next of ['//evil.example', 'http://evil.example', '/\\evil.example', '/x\r\nSet-Cookie: a=b', '']) {
      expect(pathOf(await legacy.request('/login', form({ user: 'bob', password: 'secret', next })))).toBe('/');
    }
  });

  test('stays outside with a wrong password', async () => {
    const answer = await legacy.request('/login', form({ user: 'alice', password: 'guess' }, browser));
    expect(answer.status).toBe(403);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(await answer.text()).toContain('Wrong user name or password.');
  });

  test('gets with HEAD the headers of GET and no body', async () => {
    const get = await legacy.request('/customers', { headers: browser });
    const head = await legacy.request('/customers', { method: 'HEAD', headers: browser });
    expect(head.headers.get('content-length')).toBe(String((await get.arrayBuffer()).byteLength));
    expect((await head.arrayBuffer()).byteLength).toBe(0);
  });

  test('downloads the list as CSV under a file name', async () => {
    const answer = await legacy.request('/shipments.csv?q=bob');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="shipments.csv"');
    const [head, ...lines] = (await answer.text()).trimEnd().split('\r\n');
    expect(head?.split(',').slice(0, 3)).toEqual(['id', 'customer_id', 'customer_name']);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.every((line) => line.includes('bob'))).toBe(true);
  });
});

describe('someone logged in', () => {
  test('gets the four cookies, one name twice with different paths', async () => {
    const answer = await legacy.request('/login', form({ user: 'alice', password: 'secret' }));
    const [session, user, ...lastSeen] = answer.headers.getSetCookie();
    expect(session).toMatch(/^LEGACYSID=[0-9a-f]{40}; Path=\/; HttpOnly$/);
    expect(user).toBe('user=alice; Path=/');
    expect(lastSeen.map((each) => each.replace(/=[^;]*/, ''))).toEqual([
      'last_seen; Path=/shipments',
      'last_seen; Path=/customers',
    ]);
  });

  test('is greeted by name, and no more after logging out', async () => {
    const own = await legacy.logIn();
    expect((await page('/', { cookie: own })).text).toContain('Signed in as <strong>alice</strong>');
    const out = await page('/logout', { cookie: own });
    expect(pathOf(out.answer)).toBe('/');
    expect(out.answer.headers.getSetCookie()).toHaveLength(4);
    expect((await page('/', { cookie: own })).text).toContain('Log in</a>');
  });

  test('creates a shipment, changes everything about it, and deletes it with a link', async () => {
    const fields: [string, string][] = [
      ['customer_id', '1'],
      ['sender', 'Łukasz <&> "q"'],
      ['receiver', '小林'],
      ['price', '9.9'],
      ['estimated_arrival', ''],
      ['item_description[]', 'marbles'],
      ['item_quantity[]', '3'],
      ['item_description[]', ''],
      ['item_quantity[]', '1'],
    ];
    const created = await legacy.request('/shipments', form(fields, { cookie }));
    expect(created.status).toBe(302);
    const path = pathOf(created);

    const post = async (action: string, body: Record<string, string>) => {
      const answer = await legacy.request(path + action, form(body, { cookie }));
      expect([answer.status, pathOf(answer)]).toEqual([302, path]);
    };
    await post('/status', { status: 'delayed' });
    await post('/items', { description: 'rope', quantity: '2' });
    await post('/notes', { body: 'Line one\nline two' });
    await post('', { price: '10.50', receiver_phone: '+44 1' });

    expect(await shipment(path)).toMatchObject({
      customer_name: 'Søren Ågård',
      sender: 'Łukasz <&> "q"',
      receiver: '小林',
      receiver_phone: '+44 1',
      shipment_status: 'delayed',
      price: '10.50',
      estimated_arrival: '0000-00-00',
      packing_list: [
        { description: 'marbles', quantity: 3 },
        { description: 'rope', quantity: 2 },
      ],
      notes: [{ author: 'alice', body: 'Line one\nline two' }],
    });
    const { text } = await page(path, { cookie });
    expect(unbalanced(text)).toEqual([]);
    expect(text).toContain('Łukasz &lt;&amp;&gt; &quot;q&quot;');
    expect(text).toContain(`<form method="post" action="${legacy.url}${path}/status">`);

    const deleted = await page(`${path}/delete`, { cookie });
    expect(pathOf(deleted.answer)).toBe('/shipments');
    expect((await legacy.request(path)).status).toBe(404);
    const [items] = await legacy.admin.query('SELECT * FROM packing_list_items WHERE shipment_id = ?', [
      path.split('/').at(-1),
    ]);
    expect(items).toEqual([]);
  });

  test('gets the form back with a sentence when the sender is missing', async () => {
    const answer = await legacy.request('/shipments', form({ receiver: 'bill' }, { ...browser, cookie }));
    const text = await answer.text();
    expect(answer.status).toBe(400);
    expect(text).toContain('Please say who sends the shipment.');
    expect(text).toContain('value="bill"');
  });

  test('uploads a document and downloads it again, whole or in part', async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 251));
    const body = new FormData();
    body.set('document', new Blob([bytes]), '../über list.pdf');
    const answer = await legacy.request('/shipments/9/document', { method: 'POST', body, headers: { cookie } });
    expect(pathOf(answer)).toBe('/shipments/9');
    const { document } = await shipment('/shipments/9');
    expect(document).toBe('9-_ber_list.pdf');
    const whole = await legacy.request(`/documents/${document}`);
    expect(whole.headers.get('content-length')).toBe('70000');
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
    const part = await legacy.request(`/documents/${document}`, { headers: { range: 'bytes=100-199' } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(100, 200))).toBe(true);
  });

  test('writes URLs with the host that was asked for', async () => {
    const answer = await raw(
      legacy.url,
      'GET /logout HTTP/1.1\r\nHost: shop.example:8080\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toContain('Location: http://shop.example:8080/\r\n');
  });
});
