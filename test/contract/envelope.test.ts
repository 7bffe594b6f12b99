import { describe, expect, test } from 'vitest';
import { commandSchema, type DomainEvent, querySchema } from '../../contract/envelope.ts';

/** The command, query and event of the project's first texts, as written there; the commas that the command lacked are added. */
const command =
  '{"id": "af523782-8572-49cb-b7ac-4e7a090a44e2", "action": "create-shipment", "data": {"sender": "bob", "receiver": "bill", "packing-list": ["marbles", "string", "toothpick"]}}';
const query =
  '{"id": "b2285ef2-a5ad-412f-a306-9db484d8e692", "action": "get-shipment", "data": {"shipment-id": "af523782-8572-49cb-b7ac-4e7a090a44e2"}}';

const issuesOf = (change: object) => commandSchema.safeParse({ ...JSON.parse(command), ...change }).error!.issues;

describe('the envelope', () => {
  test('takes the first texts’ command and query and changes nothing in them', () => {
    expect(commandSchema.parse(JSON.parse(command))).toEqual(JSON.parse(command));
    expect(querySchema.parse(JSON.parse(query))).toEqual(JSON.parse(query));
  });

  test('has the shape of the first texts’ event', () => {
    const event = {
      id: 'c53afdee-3b91-4fb4-ba34-ab2aa06b23e7',
      parent: 'af523782-8572-49cb-b7ac-4e7a090a44e2',
      action: 'shipment-created',
      data: {
        sender: 'bob',
        receiver: 'bill',
        'packing-list': ['marbles', 'string', 'toothpick'],
        'estimated-arrival': '2025-12-24T00:00:00.000-00:00',
      },
    } satisfies DomainEvent;
    expect(Object.keys(event)).toEqual(['id', 'parent', 'action', 'data']);
  });

  test('names a field it does not know', () => {
    expect(issuesOf({ sender: 'bob' })).toMatchObject([{ code: 'unrecognized_keys', keys: ['sender'], path: [] }]);
  });

  test.each([
    ['an id that is no uuid', { id: '17' }, ['id']],
    ['a missing id', { id: undefined }, ['id']],
    ['a missing action', { action: undefined }, ['action']],
    ['data that is a list', { data: [] }, ['data']],
    ['data that is missing', { data: undefined }, ['data']],
  ])('refuses %s with its path', (_, change, path) => {
    expect(issuesOf(change).map((issue) => issue.path)).toEqual([path]);
  });

  test('tells all problems at once', () => {
    expect(issuesOf({ id: 1, action: 2, data: 3 }).map(({ path }) => path)).toEqual([['id'], ['action'], ['data']]);
  });

  test.each(['CreateShipment', 'create_shipment', 'create--shipment', '-create', 'create-', '', '1-create'])(
    'refuses the action %j and says how one is spelled',
    (action) => {
      expect(issuesOf({ action })).toMatchObject([
        { path: ['action'], message: expect.stringContaining('create-shipment') },
      ]);
    },
  );

  test('keeps any JSON in data, deep and odd keys included', () => {
    const data = JSON.parse('{"": null, "a": [1.5, {"b": [[], {}, "\\u0000"]}], "constructor": 1, "toString": false}');
    expect(commandSchema.parse({ ...JSON.parse(command), data }).data).toEqual(data);
  });

  test('refuses the key __proto__, which would be dropped in silence, wherever it stands', () => {
    const data = JSON.parse('{"list": [1, {"__proto__": 2}], "__proto__": {}}');
    expect(issuesOf({ data }).map(({ path }) => path)).toEqual([
      ['data', 'list', '1', '__proto__'],
      ['data', '__proto__'],
    ]);
  });

  test('refuses data nested without end, and does not overflow', () => {
    const data = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);
    expect(issuesOf({ data })).toMatchObject([{ message: 'found deeper nesting, expected at most 100 levels' }]);
  });
});
