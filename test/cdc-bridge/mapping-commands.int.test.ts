import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { TablesConfig } from '../../cdc-bridge/config.ts';
import { openLog } from '../../event-log/open.ts';
import { bridgeConfig, caughtUp, createLegacy, type Legacy, readTables, start } from './legacy.ts';

const root = join(import.meta.dirname, '../..');
let folder: string;
let legacy: Legacy;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mapping-commands-'));
  legacy = await createLegacy();
});
afterEach(async () => {
  await legacy?.drop();
  rmSync(folder, { recursive: true, force: true });
});

function strangler(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const command = [join(root, 'cli/strangler.mjs'), ...args];
    const env = { ...process.env, LEGACY_DATABASE_URL: legacy.url };
    execFile(process.execPath, command, { cwd: folder, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

/** Writes a configuration with these tables; its log is in the folder. */
function configure(name: string, tables: string): TablesConfig {
  const configuration = {
    legacy: { url: 'http://127.0.0.1:8000', database: { url: legacy.url } },
    listeners: { bridge: { port: 1 } },
    log: `sqlite:${join(folder, 'log.db')}`,
    capabilities: { shipments: `./${name}.tables.yaml` },
  };
  writeFileSync(join(folder, `${name}.yaml`), stringify(configuration));
  writeFileSync(join(folder, `${name}.tables.yaml`), tables);
  return readTables(tables);
}

/** Lets a bridge follow what `work` does; the names of its events are those that the commands derive. */
async function followed(tables: TablesConfig, work: () => Promise<void>): Promise<void> {
  const log = openLog(`sqlite:${join(folder, 'log.db')}`);
  const config = { ...bridgeConfig(legacy, tables), name: 'legacy' };
  const bridge = await start({ ...config, database: { ...config.database, snapshotMode: 'never' } }, log);
  try {
    await caughtUp(bridge);
    await work();
    await caughtUp(bridge);
  } finally {
    await bridge.stop();
    await log.close();
  }
}

async function change(): Promise<void> {
  await legacy.run(
    "INSERT INTO customers (name, email, city, created_at) VALUES ('Ann', 'ann@x.example', 'Oslo', NOW())",
  );
  await legacy.run("UPDATE customers SET city = 'Bergen' WHERE id = 1");
  await legacy.run('DELETE FROM customers WHERE id = 1');
}

const today = `tables:
  customers:
    key: id
    stream: customer-{id}
    events:
      customer-created: {op: c, data: {name: name, city: city}}
      customer-changed: {op: u, data: {city: city}}
`;
const changed = `tables:
  customers:
    key: id
    stream: customer-{id}
    events:
      customer-created: {op: c, data: {name: name, email: email, city: city}}
      customer-moved: {op: u, changed: [city], data: {city: city, from: before.city}}
      customer-deleted: {op: d}
`;

/** The binlog up to now, as a file that the server has closed. */
async function recordedFile(): Promise<string> {
  const [base] = await legacy.run("SHOW GLOBAL VARIABLES LIKE 'log_bin_basename'");
  const [log] = (await legacy.run('SHOW BINARY LOGS')).slice(-1);
  await legacy.run('FLUSH BINARY LOGS');
  return join(base!.Value, '..', log!.Log_name);
}

it('shows the events that a changed mapping gives over recorded changes, and the difference from those on the log', async () => {
  await followed(configure('today', today), change);
  configure('changed', changed);
  const same = await strangler('--config', 'today.yaml', '--json', 'cdc', 'dry-run', '--fail-on', 'difference');
  expect(same.stderr).toBe('');
  expect(same.code).toBe(0);
  expect(JSON.parse(same.stdout)).toMatchObject({ rows: 3, same: 2, unmapped: 1, added: [], missing: [], changed: [] });

  const args = [
    '--config',
    'today.yaml',
    '--json',
    'cdc',
    'dry-run',
    '--mapping',
    'changed.yaml',
    '--fail-on',
    'difference',
  ];
  const other = await strangler(...args);
  expect(other.code).toBe(1);
  const found = JSON.parse(other.stdout);
  expect(found.events).toEqual({ 'customer-created': 1, 'customer-moved': 1, 'customer-deleted': 1 });
  expect(found.added.map(({ action }: { action: string }) => action)).toEqual(['customer-moved', 'customer-deleted']);
  expect(found.missing.map(({ action }: { action: string }) => action)).toEqual(['customer-changed']);
  expect(found.changed).toMatchObject([
    { action: 'customer-created', differences: [{ path: '/data/email', is: 'ann@x.example' }] },
  ]);

  const file = await strangler(...args, '--file', await recordedFile());
  expect(file.stderr).toBe('');
  const { added, missing, changed: differing, events } = JSON.parse(file.stdout);
  expect({ added, missing, changed: differing, events }).toEqual({
    added: found.added,
    missing: found.missing,
    changed: found.changed,
    events: found.events,
  });
});

it('tells what is mapped, ignored on purpose and unmapped, and fails a build for the latter', async () => {
  await change();
  configure('today', today);
  const args = ['--json', 'cdc', 'coverage', '--fail-on', 'unmapped', '--file', await recordedFile()];
  const { code, stdout, stderr } = await strangler('--config', 'today.yaml', ...args);
  expect(stderr).toBe('');
  expect(code).toBe(1);
  const { lines } = JSON.parse(stdout);
  const line = (table: string, op: string) =>
    lines.find((one: { table: string; op: string }) => one.table === table && one.op === op);
  expect(line('customers', 'c')).toMatchObject({
    operation: { kind: 'mapped' },
    unmappedColumns: ['email', 'created_at'],
    seen: { mapped: 1, unmappedColumns: { email: 1, created_at: 1 } },
  });
  expect(line('customers', 'd')).toMatchObject({ operation: { kind: 'unmapped' }, seen: { unmapped: 1 } });
  expect(line('users', 'u')).toMatchObject({ operation: { kind: 'unmapped' } });

  const names = ['shipments', 'packing_list_items', 'shipment_notes', 'users', 'sessions', 'page_views'];
  configure(
    'whole',
    `tables:
  customers:
    key: id
    stream: customer-{id}
    columns: {ignore: {email: nobody writes letters, created_at: told by the event}}
    ignore: {r: the directory is imported by hand, d: customers are never deleted}
    events:
      customer-created: {op: c, data: {name: name, city: city}}
      customer-changed: {op: u, data: {name: name, city: city}}
${names.map((name) => `  ${name}: {ignore: not in this test}`).join('\n')}
`,
  );
  const whole = await strangler('--config', 'whole.yaml', 'cdc', 'coverage', '--fail-on', 'unmapped');
  expect(whole.stdout).toContain('everything is mapped or ignored on purpose');
  expect(whole.code).toBe(0);
});

it('proposes capabilities that the configuration takes, and whose rules follow what the tables do', async () => {
  configure('empty', 'tables: {}');
  const suggested = await strangler('--config', 'empty.yaml', 'cdc', 'suggest');
  expect(suggested.stderr).toBe('');
  expect(suggested.stdout).not.toContain(new URL(legacy.url).password || 'no password is given');
  writeFileSync(join(folder, 'suggested.yaml'), suggested.stdout);
  const check = await strangler('--config', 'suggested.yaml', 'check');
  expect(check.stdout).toContain('no problem found');

  const { stdout } = await strangler('--config', 'empty.yaml', '--json', 'cdc', 'suggest');
  const { capabilities } = JSON.parse(stdout);
  const [shipments] = capabilities.filter(({ name }: { name: string }) => name === 'shipments');
  expect(shipments.tables.map(({ name }: { name: string }) => name)).toEqual([
    'shipments',
    'packing_list_items',
    'shipment_notes',
  ]);
  expect(Object.keys(shipments.tables[0].entry.events)).toContain('shipment-delayed');
  expect(shipments.tables[1].entry.stream).toBe('shipment-{shipment_id}');
  const coverage = await strangler('--config', 'suggested.yaml', 'cdc', 'coverage', '--fail-on', 'unmapped');
  expect(coverage.stdout).toContain('everything is mapped or ignored on purpose');
});

it('loads the functions that a mapping names, and says at once which it cannot', async () => {
  configure('broken', `tables: {customers: {key: id, stream: "customer-{id}", use: "./gone.ts#moved"}}`);
  const gone = await strangler('--config', 'broken.yaml', 'check');
  expect(gone.code).toBe(2);
  expect(gone.stdout).toMatch(/broken\.tables\.yaml:1:\d+ .*found no file "\.\/gone\.ts"/);

  writeFileSync(
    join(folder, 'customers.ts'),
    'export const moved = ({ change }: { change: { op: string } }) => ({ action: `customer-${change.op}` });',
  );
  configure('broken', `tables: {customers: {key: id, stream: "customer-{id}", use: "./customers.ts#mvd"}}`);
  const unnamed = await strangler('--config', 'broken.yaml', 'check');
  expect(unnamed.code).not.toBe(0);
  expect(unnamed.stderr).toContain('expected mvd to be a function, found moved');

  writeFileSync(join(folder, 'whole.ts'), "export default () => ({ action: 'customer-seen' });");
  configure(
    'working',
    `tables: {customers: {key: id, stream: "customer-{id}", use: "./customers.ts#moved", events: {customer-gone: {op: d, use: ./whole.ts}}}}`,
  );
  await change();
  const run = await strangler('--config', 'working.yaml', '--json', 'cdc', 'dry-run', '--file', await recordedFile());
  expect(JSON.parse(run.stdout).events).toEqual({
    'customer-c': 1,
    'customer-u': 1,
    'customer-d': 1,
    'customer-seen': 1,
  });
});
