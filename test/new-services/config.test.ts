import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { servicesConfig, servicesTopLevel } from '../../new-services/config.ts';

const schema = z.strictObject(servicesTopLevel);

describe('the services’ configuration', () => {
  test('has a default for everything', () => {
    const { services } = schema.parse({ services: {} });
    expect(servicesConfig(services!, { dataDir: '.data', secret: 's' })).toEqual({
      port: 8082,
      waitMs: 500,
      shipments: { keysFrom: 1_000_000_000, keysTo: 1_999_999_999 },
      dataDir: '.data',
      secret: 's',
    });
  });

  test('may be left out: then none run', () => {
    expect(schema.parse({}).services).toBeUndefined();
  });

  test.each([
    [{ shipments: { keysFrom: 10, keysTo: 9 } }, ['services', 'shipments', 'keysTo']],
    [{ shipments: { keysTo: 5_000_000_000 } }, ['services', 'shipments', 'keysTo']],
    [{ port: 70_000 }, ['services', 'port']],
    [{ wait: '1 hour' }, ['services', 'wait']],
    [{ colour: 'red' }, ['services']],
  ])('refuses %j', (services, path) => {
    expect(schema.safeParse({ services }).error?.issues[0]?.path).toEqual(path);
  });
});
