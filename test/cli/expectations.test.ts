import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'expectations-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command in the folder, where no gateway runs: its admin port is one that nobody listens on. */
function strangler(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const command = [join(root, 'cli/strangler.mjs'), ...args];
    const env = { LEGACY_DB_URL: 'mysql://nobody@127.0.0.1:1/none', ...process.env };
    execFile(process.execPath, command, { cwd: folder, env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

const configuration = `legacy: http://127.0.0.1:8000
listeners: {admin: {port: 1}}
identity: {user: [{cookie: uid}]}
routing: {ambiguousPaths: {otherwise: legacy, dot-segment: refuse}}
capabilities:
  shipments:
    service: http://127.0.0.1:8082
    split: [{user: [bob]}, {flag: beta}]
    rollout: {steps: [shadow, {canary: 50%}, new]}
    routes:
      - GET /shipments/{id}
      - {name: germany, match: {method: POST, path: /orders, body: {/receiver/country: DE}}, serve: new}
      - {name: form, match: {method: POST, path: /orders, body: {country: DE}}, serve: legacy}
      - GET /never
`;

function write(expectations: string): void {
  writeFileSync(join(folder, 'strangler.yaml'), configuration);
  writeFileSync(join(folder, 'routes.test.yaml'), expectations);
}

describe('strangler test', () => {
  it('tells what is as expected, and which routes nothing was expected of', async () => {
    write(`
- {request: GET /shipments/7, expect: {route: "GET /shipments/{id}", side: legacy, shadow: new}}
- {request: GET /shipments/7, user: bob, expect: {side: new}}
- {request: GET /shipments/7, headers: {Cookie: uid=bob}, expect: {side: new}}
- {request: GET /shipments/7, flags: [beta], expect: {side: new}}
- {request: GET /shipments/7, stage: new, expect: {side: new, shadow: none}}
- {request: POST http://shop.example/orders, body: {receiver: {country: DE}}, expect: {route: germany}}
- {request: POST /orders, body: country=DE, expect: {route: form, side: legacy}}
- {request: POST /orders, body: "{", headers: {content-type: application/json}, expect: {route: null}}
- {request: GET /a/../b, expect: {refused: ambiguous-path}}
- {request: GET /a;b, expect: {route: null, side: legacy}}
`);
    const { code, stdout } = await strangler('test');
    expect(stdout).toBe('10 of 10 expectations met\n3 of 4 routes covered (75.00 %)\n  not covered: GET /never\n');
    expect(code).toBe(0);
    expect((await strangler('test', '--covered')).code).toBe(1);
  });

  it('tells what is not, with its place and why, and ends with status 1', async () => {
    write(`- request: GET /shipments/7
  expect: {route: germany, side: new}
- {request: GET /a/../b, expect: {side: legacy}}
- {request: GET /shipments/7, expect: {refused: bad-host}}
`);
    const { code, stdout } = await strangler('test');
    expect(code).toBe(1);
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      'routes.test.yaml:1:3 GET /shipments/7',
      '  expected route germany, found GET /shipments/{id}',
      '  expected side new, found legacy',
      '    route GET /shipments/{id} of shipments',
    ]);
    expect(stdout).toContain('expected side legacy, found that it is refused ambiguous-path');
    expect(stdout).toContain('expected refused bad-host, found no refusal');
    expect(stdout).toContain('0 of 3 expectations met');
    const report = JSON.parse((await strangler('test', '--json')).stdout);
    expect(report).toMatchObject({ failed: 3, routes: 4, uncovered: ['germany', 'form', 'GET /never'] });
  });

  it('tells every problem of its file at once, each with its place and what was probably meant, with status 2', async () => {
    write(`- {request: shipments/7, expect: {sid: new}}
- {request: GET /shipments/7, expect: {side: newer, refused: ambigous-path}, stage: canary}
- {reqest: GET /a, expect: {side: new}}
- {request: GET /a}
`);
    const { code, stderr } = await strangler('test');
    expect(code).toBe(2);
    const lines = stderr.trim().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^routes\.test\.yaml:1:13 0\.request: found "shipments\/7", expected METHOD and a path/),
      expect.stringMatching(/^routes\.test\.yaml:1:35 0\.expect\.sid: unknown key — did you mean "side"\?/),
      expect.stringMatching(/^routes\.test\.yaml:2:46 1\.expect\.side: found "newer", .* did you mean "new"\?/),
      expect.stringMatching(/^routes\.test\.yaml:2:62 1\.expect\.refused: .* did you mean "ambiguous-path"\?/),
      expect.stringMatching(/^routes\.test\.yaml:2:85 1\.stage: found "canary", expected legacy, shadow, canary 25%/),
      expect.stringMatching(/^routes\.test\.yaml:3:3 2\.request: expected METHOD and .*, found nothing$/),
      expect.stringMatching(/^routes\.test\.yaml:3:4 2\.reqest: unknown key — did you mean "request"\?/),
      expect.stringMatching(/^routes\.test\.yaml:4:3 3\.expect: expected a mapping with route, .*, found nothing$/),
    ]);
  });

  it('refuses an expectation of nothing', async () => {
    write('- {request: GET /a, expect: {}}\n');
    expect(await strangler('test')).toMatchObject({
      code: 2,
      stderr: 'routes.test.yaml:1:29 0.expect: found nothing, expected route, side, shadow or refused\n',
    });
  });

  it('knows the routes, and a file that is not there', async () => {
    write('- {request: GET /a, expect: {route: germony}}\n');
    const { code, stderr } = await strangler('test');
    expect([code, stderr.trim()]).toEqual([
      2,
      'routes.test.yaml:1:37 0.expect.route: found "germony", which is the name of no route — did you mean "germany"?',
    ]);
    expect(await strangler('test', 'nowhere.yaml')).toMatchObject({
      code: 2,
      stderr: 'nowhere.yaml:1:1 found no such file\n',
    });
  });

  it('finds the sample as its own file expects it, every route covered', async () => {
    const args = ['-c', join(root, 'strangler.yaml'), 'test', '--covered', join(root, 'routes.test.yaml')];
    expect(await strangler(...args)).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('strangler explain without a gateway', () => {
  const explain = (...args: string[]) => strangler('explain', ...args);

  it('tells from the configuration which side would answer, and says that it was not asked from a gateway', async () => {
    write('');
    const { stdout, code } = await explain('GET', '/shipments/7', '--user', 'bob');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^new answers/);
    expect(stdout).toContain('user bob is listed → new');
    expect(stdout).toContain('no gateway was asked. Stages: each route at its first step');
  });

  it('stands on the stages and flags that the gateway left on disk', async () => {
    write('');
    await explain('GET', '/');
    const move = {
      route: 'GET /shipments/{id}',
      from: null,
      to: { kind: 'new' },
      by: 'a',
      reason: 'b',
      at: '2026-01-01T00:00:00Z',
    };
    const journal = {
      format: 1,
      offset: 7,
      moves: { 'GET /shipments/{id}': move },
      flags: {},
      segments: [],
      flagsRevision: 0,
      tallies: {},
      versions: {},
    };
    writeFileSync(join(folder, '.data/journal.json'), JSON.stringify(journal));
    const { stdout } = await explain('GET', '/shipments/7', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      primary: 'new',
      stage: { kind: 'new' },
      offline: { stages: 'as the gateway left them on disk (offset 7 of the log)' },
    });
  });

  it('shows every route whose path fits, and why another takes the request', async () => {
    write('');
    writeFileSync(join(folder, 'order.json'), '{"receiver":{"country":"DE"}}');
    const { stdout } = await explain('POST', '/orders', '--body', '@order.json', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      route: 'germany',
      contenders: [
        { route: 'germany', outcome: 'takes it' },
        { route: 'form', outcome: 'not looked into', because: 'the body is of another content type' },
      ],
    });
  });

  it('reads a header that is given twice as the gateway does', async () => {
    write('');
    const { stdout } = await explain('GET', '/shipments/7', '-H', 'Cookie: a=1', '-H', 'cookie: uid=bob', '--json');
    expect(JSON.parse(stdout).identity.user).toBe('bob');
    const { stderr } = await explain('GET', '/shipments/7', '-H', 'Host: a', '-H', 'Host: b');
    expect(stderr).toContain('400 bad-host: found several Host headers');
  });

  it('says with what a request would be refused', async () => {
    write('');
    const { code, stderr } = await explain('GET', '/a/../b');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^the gateway would answer 400 ambiguous-path: /)]);
  });

  it.each([
    [['GET', 'shipments']],
    [['G T', '/a']],
    [['GET', '/a', '--time', 'tomorrow']],
    [['GET', '/a', '--time', '2026-02-31T00:00:00Z']],
    [['GET', '/a', '--client', 'localhost']],
    [['GET', '/a', '--user', '']],
    [['GET', '/a', '-H', 'nothing']],
    [['GET', '/a', '--body', '@nowhere']],
  ])('refuses %j', async (args) => {
    write('');
    const { code, stdout, stderr } = await explain(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/found|cannot be read/);
  });
});
