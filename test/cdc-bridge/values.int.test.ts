import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  allEvents,
  bridgeConfig,
  caughtUp,
  createLegacy,
  type Legacy,
  readTables,
  start,
  type TempLog,
  tempLog,
} from './legacy.ts';

let legacy: Legacy;
let log: TempLog;

beforeEach(async () => {
  legacy = await createLegacy();
  log = tempLog();
});
afterEach(async () => {
  await log.remove();
  await legacy.drop();
});

/** Column type, literal as SQL, value as an event tells it. */
const plainValues: readonly [type: string, literal: string, told: unknown][] = [
  ['VARCHAR(40) CHARACTER SET latin1', "'Zoë € ñ'", 'Zoë € ñ'],
  ['VARCHAR(40) CHARACTER SET latin1', "X'808182838D8F909D9FC381'", '€\x81‚ƒ\x8d\x8f\x90\x9dŸÃ\x81'],
  ['TEXT CHARACTER SET latin1', "X'E2809D81'", 'â€\x9d\x81'],
  ["ENUM('a','€Š') CHARACTER SET latin1", "'€Š'", '€Š'],
  ['TEXT CHARACTER SET utf8mb4', "'日本 🚚 ''quoted'''", "日本 🚚 'quoted'"],
  ['CHAR(10)', "'padded   '", 'padded'],
  ['VARCHAR(10)', "''", ''],
  ['VARCHAR(10)', 'NULL', null],
  ['DECIMAL(10,2)', '12.5', '12.50'],
  ['DECIMAL(30,10)', '-12345678901234567890.0123456789', '-12345678901234567890.0123456789'],
  ['DATE', "'0000-00-00'", '0000-00-00'],
  ['DATE', "'2025-00-10'", '2025-00-10'],
  ['DATETIME', "'0000-00-00 00:00:00'", '0000-00-00 00:00:00'],
  ['DATETIME(6)', "'2025-12-24 23:59:59.123456'", '2025-12-24 23:59:59.123456'],
  ['TIMESTAMP NULL', "'2025-06-01 12:00:00'", '2025-06-01 12:00:00'],
  ['TIME', "'-01:00:00'", '-01:00:00'],
  ['TIME', "'-838:59:59'", '-838:59:59'],
  ['TIME', "'101:02:03'", '101:02:03'],
  ['YEAR', '0', 0],
  ['YEAR', '2025', 2025],
  ['INT UNSIGNED', '4294967295', 4294967295],
  ['BIGINT', '-9007199254740991', -9007199254740991],
  ['BIGINT UNSIGNED', '18446744073709551615', '18446744073709551615'],
  ['FLOAT', '1.1', 1.1],
  ['DOUBLE', '0.1', 0.1],
  ["ENUM('a','b,c','d''e')", "'d''e'", "d'e"],
  ["ENUM('a','b')", "'nonsense'", ''],
  ["SET('x','y','z')", "'x,z'", 'x,z'],
  ['VARBINARY(10)', "X'00FF10'", Buffer.from('00ff10', 'hex').toString('base64')],
  ['BIT(12)', "b'101010101010'", 0b101010101010],
];

/** MariaDB has JSON as the text that was written, MySQL as it prints its own form. */
const json = { literal: `'{"b": [1, 2.50]}'`, mariadb: '{"b": [1, 2.50]}', mysql: '{"b": [1, 2.5]}' };

it('tells every value exactly, and the same from the snapshot as from the binlog', async () => {
  const values = [...plainValues, ['JSON', json.literal, json[legacy.flavour]] as const];
  const columns = values.map(([type], index) => `c${index} ${type}`).join(', ');
  await legacy.run(`CREATE TABLE v (id INT PRIMARY KEY, ${columns})`);
  const insert = (id: number) =>
    legacy.run(`INSERT INTO v VALUES (${id}, ${values.map(([, literal]) => literal).join(', ')})`);
  const tables = readTables(
    'tables: {v: {key: id, stream: "v-{id}", events: {v-imported: {op: r, data: "*"}, v-made: {op: c, data: "*"}}}}',
  );
  await insert(1);
  const bridge = await start(bridgeConfig(legacy, tables), log.log);
  await caughtUp(bridge);
  await insert(2);
  await caughtUp(bridge);
  await bridge.stop();
  const [imported, made] = await allEvents(log.log);
  const expected = Object.fromEntries(values.map(([, , told], index) => [`c${index}`, told]));
  expect(made!.data).toEqual({ id: 2, ...expected });
  expect(imported!.data).toEqual({ id: 1, ...expected });
});
