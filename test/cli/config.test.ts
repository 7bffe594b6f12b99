import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoadedConfiguration, loadConfiguration } from '../../cli/config/load.ts';
import { ConfigError, formatProblem } from '../../cli/config/problem.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function load(
  text: string,
  files: Record<string, string> = {},
  environment: Record<string, string> = {},
): LoadedConfiguration {
  writeFileSync(join(folder, 'strangler.yaml'), text);
  if (Object.keys(files).length > 0) mkdirSync(join(folder, 'capabilities'), { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'capabilities', name), content);
  return loadConfiguration(join(folder, 'strangler.yaml'), environment);
}

/** The problems as lines, the folder taken away. */
function problems(...given: Parameters<typeof load>): string[] {
  try {
    load(...given);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) =>
      formatProblem({ ...problem, file: problem.file.replace(/^.*config-[^/]+\//, '') }),
    );
  }
}

const smallest = `legacy: http://127.0.0.1:8000
capabilities:
  shipments:
    service: http://127.0.0.1:8082
    routes:
      - GET /shipments/{id}
`;

describe('a configuration', () => {
  it('needs nothing but the legacy application', () => {
    expect(load('legacy: http://127.0.0.1:8000\n').configuration.capabilities).toEqual({});
  });

  it('may be the smallest useful one', () => {
    const { configuration } = load(smallest);
    expect(configuration.legacy.url).toBe('http://127.0.0.1:8000');
    expect(configuration.legacy.database).toBeUndefined();
    expect(configuration.services).toBeUndefined();
    expect(configuration.capabilities.shipments?.routes).toHaveLength(1);
  });

  it('reports every problem at once, each with its line, its column and what was probably meant', () => {
    const text = `legacy:
  url: 127.0.0.1:8000
  databse: {url: mysql://x/y}
listeners: {public: {prt: 8080}}
kafka: {brokers: [a]}
capabilities:
  shipments:
    service: http://127.0.0.1:8082
    routes:
      - GET shipments/{id}
      - {match: GET /a, serve: old}
    splitt: []
    rollout: {steps: [shadw, {canary: 120%}]}
`;
    expect(problems(text)).toEqual([
      'strangler.yaml:2:8 legacy.url: found "127.0.0.1:8000", expected an origin such as http://127.0.0.1:8000 without path, query or credentials, or unix:/run/app.sock',
      'strangler.yaml:3:3 legacy.databse: unknown key — did you mean "database"?',
      'strangler.yaml:4:22 listeners.public.prt: unknown key — did you mean "port"?',
      'strangler.yaml:5:1 kafka: not built yet (publishing domain events to Kafka) — remove this key',
      'strangler.yaml:10:9 capabilities.shipments.routes.0: found "GET shipments/{id}", expected METHOD /path such as "GET /shipments/{id}", or a path alone for any method',
      'strangler.yaml:11:32 capabilities.shipments.routes.1.serve: found "old", expected legacy or new',
      'strangler.yaml:12:5 capabilities.shipments.splitt: unknown key — did you mean "split"?',
      'strangler.yaml:13:23 capabilities.shipments.rollout.steps.0: found "shadw", expected legacy, shadow, new or {canary: 20%} — did you mean "shadow"?',
      'strangler.yaml:13:39 capabilities.shipments.rollout.steps.1.canary: expected a percentage from 0% to 100%, such as 0.1% or 25%, found "120%"',
    ]);
  });

  it('takes a capability from a file of its own and points into it', () => {
    const main = 'legacy: http://127.0.0.1:8000\ncapabilities: {shipments: capabilities/shipments.yaml}\n';
    const shipments = 'service: http://127.0.0.1:8082\nroutes:\n  - GET /shipments\n';
    const { configuration } = load(main, { 'shipments.yaml': shipments });
    expect(configuration.capabilities.shipments?.service?.url).toBe('http://127.0.0.1:8082');
    expect(problems(main, { 'shipments.yaml': `${shipments}rout: 1\n` })).toEqual([
      'capabilities/shipments.yaml:4:1 capabilities.shipments.rout: unknown key — did you mean "routes"?',
    ]);
    expect(problems(main.replace('shipments.yaml', 'shipment.yaml'))).toEqual([
      'strangler.yaml:2:27 capabilities.shipments: found no file "capabilities/shipment.yaml"',
    ]);
  });

  it('takes nothing from a file that it does not name', () => {
    expect(load(smallest, { 'shipments.yaml': 'nonsense: 1\n' }).configuration.capabilities).toHaveProperty(
      'shipments',
    );
  });

  it('lays defaults beneath each capability and blames them where they are wrong', () => {
    const withDefaults = (value: string) =>
      `${smallest}defaults:\n  shadow: {sample: ${value}, budget: {concurrency: 5}}\n`;
    const { shadow } = load(withDefaults('20%')).configuration.capabilities.shipments!;
    expect(shadow).toMatchObject({ sample: 20, budget: { concurrency: 5 } });
    expect(problems(withDefaults('200%'))[0]).toMatch(/^strangler\.yaml:8:20 /);
  });

  it('reads variables from the environment, with defaults, and names those that are not set', () => {
    const text = 'legacy: ${LEGACY_URL}\nlisteners: {admin: {token: "${TOKEN:-abc}"}}\n';
    const { legacy, listeners } = load(text, {}, { LEGACY_URL: 'http://10.0.0.7:81' }).configuration;
    expect([legacy.url, listeners.admin.token]).toEqual(['http://10.0.0.7:81', 'abc']);
    expect(problems(text)).toEqual([
      'strangler.yaml:1:9 environment variable LEGACY_URL is not set — set it, or give a default: ${LEGACY_URL:-value}',
    ]);
  });

  it('refuses tables without a database, two routes that take the same requests and two listeners on one port', () => {
    const text = `${smallest}      - GET /shipments/{key}
    tables: {shipments: {key: id, stream: "shipment-{id}", events: {shipment-deleted: {op: d}}}}
listeners: {public: {port: 8081}}
`;
    const found = problems(text).join('\n');
    expect(found).toContain('which takes the same requests as route');
    expect(found).toContain('found tables, but legacy.database is not set');
    expect(found).toContain('found port 8081');
  });

  it('warns of routes of which the order decides, with the place of both', () => {
    const text = `${smallest}      - {name: one, match: {path: /a, headers: {v: "1"}}}
      - {name: other, match: {path: /a, headers: {w: "1"}}}
`;
    const lines = load(text).warnings.map((problem) => formatProblem(problem).replace(/[^ (]*config-[^/]+\//g, ''));
    expect(lines).toEqual([
      expect.stringMatching(/^strangler\.yaml:8:9 capabilities\.shipments\.routes\.2: .*\(strangler\.yaml:7:9\)/),
    ]);
    expect(load(smallest).warnings).toEqual([]);
  });

  it('says where YAML itself is broken', () => {
    expect(problems('legacy: [a\n')[0]).toMatch(/^strangler\.yaml:\d+:\d+ /);
    expect(problems('legacy: http://a\nlegacy: http://b\n')[0]).toContain('unique');
    expect(problems('legacy: *nobody\n')).toEqual(['strangler.yaml:1:9 found *nobody, but no &nobody before it']);
  });

  it('answers any text with problems that have a place, never with another error', () => {
    const word = fc.constantFrom(
      'legacy',
      'url',
      'capabilities',
      'routes',
      'tables',
      'split',
      'x',
      '{',
      '[',
      ': ',
      '- ',
      '\n',
      '  ',
      '${A}',
      'null',
      '1',
      '"',
      '*a ',
      '&a ',
      '<<: ',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 4 })), { maxLength: 25 }), (words) => {
        for (const problem of problems(words.join(''))) expect(problem).toMatch(/^strangler\.yaml:\d+:\d+ /);
      }),
      { numRuns: 300 },
    );
  });
});
