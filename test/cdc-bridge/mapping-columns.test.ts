import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkTables } from '../../cdc-bridge/config.ts';
import { Coverage } from '../../cdc-bridge/coverage.ts';
import { KnownRows } from '../../cdc-bridge/known-rows/known-rows.ts';
import { compileMapping } from '../../cdc-bridge/mapping/mapping.ts';
import { RequestGroups } from '../../cdc-bridge/mapping/request-groups.ts';
import { type Row, type RowChange, Unreadable } from '../../cdc-bridge/mapping/row-change.ts';
import { compileShield } from '../../cdc-bridge/mapping/shield.ts';
import { ParkedChanges } from '../../cdc-bridge/parking/parked-changes.ts';
import { Turns } from '../../cdc-bridge/parking/turns.ts';
import { Progress } from '../../cdc-bridge/positions/progress.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { ChangeWriter } from '../../cdc-bridge/streaming/change-writer.ts';
import { compileStepShield } from '../../cdc-bridge/streaming/shielded-step.ts';
import { bridgeTelemetry } from '../../cdc-bridge/telemetry.ts';
import type { Logger } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { allEvents, readTables, type TempLog, tempLog } from './legacy.ts';

const hashKey = 'a key of sixteen or more';
const tables = readTables(`tables:
  people:
    key: id
    stream: person-{group}
    columns: {exclude: [ssn], mask: {phone: "(masked)"}, hash: [email], json: [extra]}
    events:
      person-made: {op: c, data: "*"}
      person-changed: {op: u, changed: [email], data: {email: email, phone: phone}}`);

let log: TempLog;
beforeEach(() => {
  log = tempLog();
});
afterEach(() => log.remove());

describe('columns that are not to leave', () => {
  it('are in nothing that is stored, logged or counted, whatever becomes of the change', async () => {
    const lines: unknown[] = [];
    const note = (...line: unknown[]) => void lines.push(line);
    const logger = { info: note, warn: note, error: note, debug: note } as unknown as Logger;
    const metrics = new Metrics();
    const coverage = new Coverage(tables);
    const writer = new ChangeWriter({
      bridge: 'b',
      tables,
      log: log.log,
      shield: compileStepShield(tables, hashKey),
      mapping: compileMapping(tables),
      groups: new RequestGroups('b', tables),
      parked: new ParkedChanges('b'),
      known: new KnownRows('b', tables, Object.keys(tables)),
      turns: new Turns(),
      keepRowChanges: true,
      coverage,
      progress: new Progress({ topic: 'domain', partition: 0, offset: 0 }),
      telemetry: bridgeTelemetry(logger, metrics),
    });
    const secret = 'S3CR3T';
    const person = (id: number, group: Row[string]): Row => ({
      id,
      group,
      name: 'Ann',
      ssn: `${secret}1`,
      phone: `${secret}2`,
      email: `${secret}3`,
      extra: '{"a":1}',
    });
    const broken = {
      ...person(4, 'c'),
      ssn: new Unreadable(`bad ${secret}`),
      phone: new Unreadable(`bad ${secret}`),
      email: new Unreadable(`bad ${secret}`),
    };
    const rows: RowChange[] = [
      { table: 'people', op: 'c', after: person(1, 'a'), pos: 4, row: 0 },
      {
        table: 'people',
        op: 'u',
        before: person(1, 'a'),
        after: { ...person(1, 'a'), email: `${secret}4` },
        pos: 4,
        row: 1,
      },
      { table: 'people', op: 'c', after: person(2, null), pos: 4, row: 2 },
      {
        table: 'people',
        op: 'u',
        before: person(2, null),
        after: { ...person(2, null), ssn: `${secret}5` },
        pos: 4,
        row: 3,
      },
      { table: 'people', op: 'd', before: person(1, 'a'), pos: 4, row: 4 },
      { table: 'people', op: 'c', after: broken, pos: 4, row: 5 },
    ];
    const step: SourceTransaction = {
      name: 'mariadb:0-1-1',
      gtid: '0-1-1',
      position: 'mariadb:0-1-1',
      committedAt: '2026-01-01T00:00:00.000Z',
      rows,
      unread: [
        { reason: 'statement-format', sql: `UPDATE people SET ssn = '${secret}'`, tables: ['people'] },
        { reason: 'statement-format', sql: `UPDATE something SET x = '${secret}'` },
      ],
      file: { name: 'binlog.1', createdAt: '2026-01-01T00:00:00.000Z' },
      bytes: 1,
    };
    await writer.write([step], { position: step.position, cursor: () => ({ name: 'c', value: 'v' }) });

    const domain = await allEvents(log.log);
    const kept = await allEvents(log.log, 'row-changes');
    const parked = await allEvents(log.log, 'parked');
    expect(domain.map(({ data }) => data.email)).toEqual(
      [secret + 3, secret + 4].map((email) => createHmac('sha256', hashKey).update(email).digest('hex')),
    );
    expect(domain[0]!.data).toEqual({
      id: 1,
      group: 'a',
      name: 'Ann',
      phone: '(masked)',
      email: expect.any(String),
      extra: { a: 1 },
    });
    expect(kept).toHaveLength(1);
    expect(parked).toHaveLength(1);
    expect(lines.length).toBeGreaterThan(0);
    const everything = JSON.stringify({
      domain,
      kept,
      parked,
      lines,
      coverage: coverage.entries(),
      metrics: await metrics.text(),
    });
    expect(everything).not.toContain(secret);
  });

  it('have equal hashes when they are equal, and others with another key or another value', () => {
    const hash = (value: Row[string], key = hashKey) =>
      compileShield(tables, key)({ table: 'people', op: 'c', after: { id: 1, email: value }, pos: 0, row: 0 }).after!
        .email;
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(hash(a) === hash(b)).toBe(a === b);
        expect(hash(a, 'another key, long enough')).not.toBe(hash(a));
      }),
    );
    expect(hash(7)).toBe(hash('7'));
    expect(hash(null)).toBeNull();
  });

  it('are refused where the mapping needs their values', () => {
    const problems = (columns: string, rule = '{op: c}', stream = 't-{id}', key = 'id') =>
      checkTables(
        readTables(`tables: {t: {key: ${key}, stream: "${stream}", columns: ${columns}, events: {a: ${rule}}}}`),
        hashKey,
      ).map(({ path, message }) => `${path.join('.')} ${message}`);
    expect(problems('{mask: [id]}')).toEqual([
      expect.stringMatching(/^t\.key .*masked/),
      expect.stringMatching(/^t\.stream .*masked/),
    ]);
    expect(problems('{hash: [id]}')).toEqual([expect.stringMatching(/^t\.key .*hashed/)]);
    expect(problems('{mask: [p]}', '{op: u, changed: [p]}')).toEqual([expect.stringMatching(/a\.changed .*masked/)]);
    expect(problems('{hash: [p]}', '{op: u, changed: [p], after: {p: [{exists: true}]}}')).toEqual([]);
    expect(problems('{hash: [p]}', '{op: u, after: {p: [x]}}')).toEqual([expect.stringMatching(/a\.after .*hashed/)]);
    expect(problems('{exclude: [p], mask: [p]}')).toEqual([
      expect.stringMatching(/columns\.mask .*under exclude already/),
    ]);
    expect(problems('{ignore: {p: no use}}', '{op: c, data: {p: p}}')).toEqual([
      expect.stringMatching(/ignored on purpose/),
    ]);
    expect(checkTables(tables, undefined)).toMatchObject([
      { path: ['people', 'columns', 'hash'], message: expect.stringContaining('hashKey') },
    ]);
  });
});

describe('bytes that are declared as text', () => {
  const declared = readTables(`tables:
  page:
    key: id
    stream: page-{id}
    columns: {utf8: [title], encoding: {note: latin1, old: shift_jis}, json: [props, meta]}
    events: {page-made: {op: c, data: {title: title}}, page-noted: {op: c, after: {note: [{exists: true}]}, data: {note: note, old: old, props: props, meta: meta}}}`);
  const map = (after: Row) =>
    compileMapping(declared).of([
      {
        table: 'page',
        op: 'c',
        after: { id: 1, note: null, old: null, props: null, meta: null, ...after },
        pos: 0,
        row: 0,
      },
    ])[0]!;
  const base64 = (...bytes: number[]) => Buffer.from(bytes).toString('base64');

  it('are read as such, by the encoding that MySQL means', () => {
    const mapped = map({
      title: Buffer.from('Žluťoučký').toString('base64'),
      note: base64(0x80, 0x81, 0xe9),
      old: base64(0x93, 0xfa),
      props: '[1.10]',
      meta: '12345678901234567890',
    });
    expect(mapped).toMatchObject({
      events: [
        { data: { title: 'Žluťoučký' } },
        { data: { note: '€\u0081é', old: '日', props: [1.1], meta: '12345678901234567890' } },
      ],
    });
  });

  it('park the change that needs them when they are no such text or no JSON', () => {
    expect(map({ title: base64(0xff) })).toMatchObject({
      kind: 'unclear',
      reason: 'value-unreadable',
      detail: expect.stringContaining('not utf8'),
    });
    expect(map({ title: '', note: base64(0x41), props: '{' })).toMatchObject({
      kind: 'unclear',
      detail: expect.stringContaining('not JSON'),
    });
    expect(map({ title: '', props: '{' })).toMatchObject({ kind: 'mapped' });
  });
});
