import { randomInt } from 'node:crypto';
import mysql from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { preflight } from '../../cdc-bridge/preflight/preflight.ts';
import { databaseTopics } from '../../cdc-bridge/source/debezium/topics-config.ts';
import { bridgeConfig, createLegacy, type Legacy, readTables, serverUrl, start, tempLog } from './legacy.ts';

let legacy: Legacy;

beforeEach(async () => {
  legacy = await createLegacy();
});
afterEach(() => legacy.drop());

/** MySQL from 9.6 on does what a foreign key asks for in its SQL layer, and logs it. */
async function cascadesAreLogged(): Promise<boolean> {
  const [{ version }] = (await legacy.run('SELECT VERSION() AS version')) as [{ version: string }];
  const [major, minor] = version.split('.').map(Number);
  return legacy.flavour === 'mysql' && major! * 100 + minor! >= 906;
}

const codes = (problems: readonly { severity: string; code: string }[]) =>
  problems.map(({ severity, code }) => `${severity} ${code}`);

it('finds nothing to object to in the sample domain', async () => {
  const problems = await preflight(bridgeConfig(legacy));
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
});

describe('a mapping that does not fit the database', () => {
  const tables = readTables(`
tables:
  shipments: {key: sender, stream: "shipment-{idd}", columns: {exclude: [gone]}, events: {shipment-made: {op: c, data: {s: sendr}}}}
  invoices: {key: id, stream: "invoice-{id}", events: {invoice-made: {op: c}}}
  page_views: {key: path, stream: "page-{path}", events: {page-imported: {op: r}}}
  lines: {key: id, stream: "line-{id}", events: {line-made: {op: c}}}
  places: {key: id, stream: "place-{id}", events: {place-made: {op: c}}}
`);

  it('is told with every problem at once, each with what to do', async () => {
    await legacy.run('CREATE TABLE orders (id INT PRIMARY KEY)');
    await legacy.run(
      'CREATE TABLE `lines` (id INT PRIMARY KEY, o INT, CONSTRAINT fk_o FOREIGN KEY (o) REFERENCES orders (id) ON DELETE CASCADE)',
    );
    await legacy.run('CREATE TABLE places (id DOUBLE PRIMARY KEY, at POINT)');
    const problems = await preflight(bridgeConfig(legacy, tables));
    expect(codes(problems).filter((code) => !code.startsWith('warning purge'))).toEqual([
      'error missing-column',
      'error missing-column',
      'error missing-column',
      'error table-key',
      'error missing-table',
      'error table-engine',
      'error table-key',
      ...((await cascadesAreLogged()) ? [] : ['warning cascade']),
    ]);
    const fixes = problems.flatMap(({ fix }) => fix);
    expect(fixes).toContain('ALTER TABLE `shipments` ADD UNIQUE KEY (`sender`)');
    expect(fixes).toContain('ALTER TABLE `page_views` ENGINE = InnoDB');
    expect(problems.map(({ message }) => message).join('\n')).toContain(
      'shipments.stream names column idd, which table shipments does not have; it has id, customer_id',
    );
  });

  it('warns of a column whose change would be no event', async () => {
    await legacy.run('ALTER TABLE shipments ADD COLUMN weight INT');
    const warnings = (await preflight(bridgeConfig(legacy))).filter(({ code }) => code === 'column-unwatched');
    expect(warnings.map(({ message }) => message)).toEqual([
      'shipments: a change of weight alone is no event, because no rule of op u looks at it',
    ]);
  });

  it('keeps the bridge from starting, with all of it in the error', async () => {
    const log = tempLog();
    const failure = await start(bridgeConfig(legacy, tables), log.log).catch((error) => error);
    await log.remove();
    expect(failure.code).toBe('preflight-failed');
    expect(failure.message).toContain('table invoices is mapped');
    expect(failure.message).toContain('    ALTER TABLE `page_views` ENGINE = InnoDB');
  });
});

it('names the privileges that the account lacks, and the GRANT for each', async () => {
  const user = `cdc${randomInt(1e9)}`;
  await legacy.run(`CREATE USER '${user}'@'%' IDENTIFIED BY 'secret'`);
  await legacy.run(`GRANT SELECT ON \`${legacy.name}\`.shipments TO '${user}'@'%'`);
  const url = Object.assign(new URL(legacy.url), { username: user, password: 'secret' }).href;
  const lacking = await preflight(bridgeConfig({ url }));
  const wanted = { mariadb: ['REPLICATION SLAVE', 'BINLOG MONITOR'], mysql: ['REPLICATION SLAVE'] }[legacy.flavour];
  const grants = wanted.map((privilege) => `GRANT ${privilege} ON *.* TO '${user}'@'%'`);
  for (const grant of grants) await legacy.run(grant);
  await legacy.run(`GRANT SELECT ON \`${legacy.name}\`.* TO '${user}'@'%'`);
  const enough = await preflight(bridgeConfig({ url }));
  await legacy.run(`DROP USER '${user}'@'%'`);
  expect(lacking.filter(({ code }) => code === 'grant').flatMap(({ fix }) => fix)).toEqual(grants);
  expect(lacking.filter(({ code }) => code === 'missing-table')).toHaveLength(3);
  expect(enough.filter(({ severity }) => severity === 'error')).toEqual([]);
});

it('asks for no replication where the topics of a Debezium are read', async () => {
  const user = `cdc${randomInt(1e9)}`;
  await legacy.run(`CREATE USER '${user}'@'%' IDENTIFIED BY 'secret'`);
  await legacy.run(`GRANT SELECT ON \`${legacy.name}\`.* TO '${user}'@'%'`);
  const url = Object.assign(new URL(legacy.url), { username: user, password: 'secret' }).href;
  const config = bridgeConfig({ url });
  const topics = databaseTopics.parse({ brokers: ['127.0.0.1:9092'], prefix: 'leg' });
  const lacking = await preflight({ ...config, database: { ...config.database, topics } });
  await legacy.run(`DROP USER '${user}'@'%'`);
  const wanted = { mariadb: [`GRANT BINLOG MONITOR ON *.* TO '${user}'@'%'`], mysql: [] }[legacy.flavour];
  expect(lacking.filter(({ severity }) => severity === 'error').flatMap(({ fix }) => fix)).toEqual(wanted);
});

it('tells a database that is away, or refuses the account, as a problem and not as a crash', async () => {
  const wrong = Object.assign(new URL(serverUrl()), { password: 'wrong', pathname: '/x' }).href;
  expect(codes(await preflight(bridgeConfig({ url: wrong })))).toEqual(['error legacy-refused']);
  expect(codes(await preflight(bridgeConfig({ url: 'mysql://root@127.0.0.1:1/x' })))).toEqual([
    'error legacy-unreachable',
  ]);
});

it('refuses to read under the id that the server itself has', async () => {
  const connection = await mysql.createConnection({ uri: legacy.url });
  const [[row]] = (await connection.query('SELECT @@server_id AS id')) as unknown as [[{ id: number }]];
  await connection.end();
  const config = bridgeConfig(legacy);
  const problems = await preflight({ ...config, database: { ...config.database, serverId: row.id } });
  expect(codes(problems)).toContain('error server-id');
});
