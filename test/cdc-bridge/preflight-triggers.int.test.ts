import { afterEach, beforeEach, expect, it } from 'vitest';
import { preflight } from '../../cdc-bridge/preflight/preflight.ts';
import { bridgeConfig, createLegacy, type Legacy } from './legacy.ts';

let legacy: Legacy;

beforeEach(async () => {
  legacy = await createLegacy();
});
afterEach(() => legacy.drop());

it('tells of triggers that write where the mapping looks at nothing, and of no others', async () => {
  await legacy.run('CREATE TABLE totals (day DATE PRIMARY KEY, n INT)');
  await legacy.run(
    'CREATE TRIGGER counted AFTER INSERT ON shipments FOR EACH ROW INSERT INTO totals VALUES (CURDATE(), 1) ON DUPLICATE KEY UPDATE n = n + 1',
  );
  await legacy.run(
    'CREATE TRIGGER emptied AFTER DELETE ON shipments FOR EACH ROW DELETE FROM packing_list_items WHERE shipment_id = OLD.id',
  );
  const found = (await preflight(bridgeConfig(legacy))).filter(({ code }) => code === 'trigger');
  expect(found.map(({ severity, message }) => [severity, message])).toEqual([
    [
      'warning',
      'trigger counted of shipments writes to totals, which the tables section does not name: what it writes there gives no events',
    ],
  ]);
});
