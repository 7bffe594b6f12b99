import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordOf } from '../../cdc-bridge/generations/mapping-record.ts';
import type { EventLog } from '../../contract/event-log.ts';
import { readTables, type TempLog, tempLog } from './legacy.ts';
import { inserted } from './parking-lives.ts';
import {
  before,
  corrected,
  correctedHistory,
  imported,
  livingBridge,
  madeHistory,
  remap,
  sayNew,
  told,
} from './remap-lives.ts';

let temporary: TempLog;
let log: EventLog;
beforeEach(() => {
  temporary = tempLog();
  log = temporary.log;
});
afterEach(() => temporary.remove());

const table = (events: string, more = '') =>
  readTables(`tables: {t: {key: id, stream: "s-{s}", ${more} events: {${events}}}}`);

describe('remapping', () => {
  it('tells kept row changes by the new mapping and everything else as it was, each where it stood', async () => {
    await madeHistory(log);
    const { built } = await remap(log, corrected);
    expect(built).toMatchObject({ generation: 2, from: 1, carried: 2, remapped: 3, unclear: 0 });
    expect(await told(log, 'domain.2')).toEqual(correctedHistory);
    expect((await told(log, 'domain'))[1]).toBe('s-1 v2 t-made {"a":2}');
    const carried = (await log.readStream('domain.2', 's-1'))[2]!;
    const { address: _address, recordedAt: _recordedAt, ...meta } = (await log.find('domain', 'word-1'))!.meta;
    expect(carried.meta).toMatchObject(meta);
  });

  it('gives the events that the bridge would have given: the same mapping makes the same history', async () => {
    await madeHistory(log);
    await remap(log, before);
    const essence = async (history: 'domain.1' | 'domain.2') =>
      (await log.read(history, 0, 100)).map(({ meta: { address, recordedAt, ...meta }, ...event }) => ({
        ...event,
        meta,
      }));
    expect(await essence('domain.2')).toEqual(await essence('domain.1'));
  });

  it('switches, and what is written before, between and afterwards is all there', async () => {
    await madeHistory(log);
    let stopped = false;
    let said = 0;
    const talking = (async () => {
      while (!stopped) await sayNew(temporary.log, 's-9', `word-of-${said++}`);
    })();
    const { head } = await remap(log, corrected, { andSwitch: true });
    await sayNew(log, 's-1', 'word-after');
    stopped = true;
    await talking;
    expect(head).toMatchObject({ generation: 2 });
    const { write, inUse } = await livingBridge(log, corrected);
    expect(inUse).toMatchObject({ number: 2, changedRules: [] });
    await write([inserted(4, [{ id: 5, s: 1, a: 5 }])], 'mariadb:0-1-4');
    const now = await told(log, 'domain');
    expect(now.filter((line) => line.startsWith('s-1 ')).slice(-2)).toEqual([
      's-1 v5 said {}',
      's-1 v6 t-created {"a":5,"id":5}',
    ]);
    expect(now.filter((line) => line.startsWith('s-9 '))).toHaveLength(said);
  });

  it('goes on with what was built, when the bridge has been at work since', async () => {
    await madeHistory(log);
    await remap(log, corrected);
    const { write } = await livingBridge(log, before);
    await write([inserted(4, [{ id: 5, s: 1, a: 5 }])], 'mariadb:0-1-4');
    await sayNew(log, 's-1', 'word-2');
    const { built } = await remap(log, corrected, { andSwitch: true });
    expect(built).toMatchObject({ generation: 2, carried: 3, remapped: 4 });
    expect(await told(log, 'domain')).toEqual([
      ...correctedHistory,
      's-1 v5 t-created {"a":5,"id":5}',
      's-1 v6 said {}',
    ]);
  });

  it('by yet another mapping begins anew in the place of what was built', async () => {
    await madeHistory(log);
    await remap(log, corrected);
    const { built } = await remap(log, table(`${imported}, t-born: {op: c}`));
    expect(built.generation).toBe(3);
    await expect(told(log, 'domain.2')).rejects.toMatchObject({ code: 'log-trimmed' });
    expect(await log.generations.list()).toContainEqual({ number: 2, state: 'discarded' });
  });

  it('can be done again on what was remapped', async () => {
    await madeHistory(log);
    await remap(log, corrected, { andSwitch: true });
    await remap(log, before, { andSwitch: true });
    expect(await told(log, 'domain')).toEqual(await told(log, 'domain.1'));
    expect((await log.head('domain')).generation).toBe(3);
  });

  it('leaves out what was skipped, and gives what was released', async () => {
    const narrow = readTables('tables: {t: {key: id, stream: "s-{s}", events: {t-made: {op: c, data: {a: a}}}}}');
    const wide = readTables('tables: {t: {key: id, stream: "s-{s}", events: {t-made: {op: c, data: {id: id}}}}}');
    const first = await livingBridge(log, narrow);
    await first.write([inserted(2, [{ id: 1, s: 1 }]), inserted(3, [{ id: 2, s: 2 }])], 'mariadb:0-1-3');
    const [skipped, released] = [...first.parked.all()].map(({ id }) => id);
    const { release } = await livingBridge(log, wide);
    const asked = { by: 'a test', at: '2026-01-03T00:00:00.000Z' };
    await release.answer({ id: 'one', what: 'skip', selection: { ids: [skipped!] }, reason: 'a test row', ...asked });
    await release.answer({ id: 'two', what: 'retry', selection: { ids: [released!] }, ...asked });
    await remap(log, wide);
    expect(await told(log, 'domain.2')).toEqual(['s-2 v1 t-made {"id":2}']);
  });

  it('says of a mapping that would park changes which, and does not switch to it', async () => {
    await madeHistory(log);
    const { built } = await remap(log, table(`${imported}, t-made: {op: c, data: {b: b}}`));
    expect(built.unclear).toBe(3);
    expect(built.unclearChanges[0]).toMatchObject({ transaction: 'mariadb:0-1-2', table: 't' });
    await expect(
      remap(log, table(`${imported}, t-made: {op: c, data: {b: b}}`), { andSwitch: true }),
    ).rejects.toMatchObject({ code: 'remap-refused' });
    expect((await log.head('domain')).generation).toBeUndefined();
  });
});

describe('remapping is refused', () => {
  const refusal = (tables: ReturnType<typeof table>) =>
    remap(log, tables).then(
      () => 'not refused',
      ({ code, message }) => `${code}: ${message}`,
    );

  it('while a bridge is at work', async () => {
    await madeHistory(log);
    await log.leases.acquire('bridge:test', 'a bridge elsewhere', 60_000);
    await expect(remap(log, corrected)).rejects.toMatchObject({ code: 'bridge-at-work' });
  });

  it('when imports are to be told otherwise, for their rows are not kept', async () => {
    await madeHistory(log);
    expect(await refusal(table('t-imported: {op: r, data: {a: a, id: id}}'))).toMatch(
      /^remap-refused: imported rows.* of t /,
    );
  });

  it('when columns are shielded otherwise, or changes that were not kept are joined', async () => {
    await madeHistory(log);
    const join = 'join: {o: {table: other, on: {t_id: id}}}';
    const both = table(`${imported}, t-made: {op: c, data: {a: a}, ${join}}`, 'columns: {mask: [a]},');
    expect(await refusal(both)).toMatch(
      /kept with other columns.*row changes of other, which is joined now, were not kept/,
    );
  });

  it('when row changes are gone that events were made of; asked to, it carries those events over', async () => {
    await madeHistory(log);
    await log.trim('row-changes', { bytes: 1, ageMs: 0 });
    const { write } = await livingBridge(log, before);
    await write([inserted(4, [{ id: 5, s: 1, a: 5 }])], 'mariadb:0-1-4');
    const why = await refusal(corrected);
    expect(why).toMatch(/up to row-changes\/0\/2 were trimmed, 3 events .* from mariadb:0-1-2 to mariadb:0-1-3/);
    expect(await log.generations.list()).toHaveLength(1);
    await remap(log, corrected, { carryOld: true });
    expect(await told(log, 'domain.2')).toEqual([
      ...(await told(log, 'domain')).slice(0, -1),
      's-1 v5 t-created {"a":5,"id":5}',
    ]);
  });

  it('while changes are parked', async () => {
    await madeHistory(log);
    const { write } = await livingBridge(log, before);
    await write([inserted(4, [{ id: 5, s: 1 }])], 'mariadb:0-1-4');
    expect(await refusal(corrected)).toContain('1 row changes are parked');
  });

  it('of a history that nobody has told the mapping of', async () => {
    expect(await refusal(corrected)).toContain('no bridge has said yet');
    expect(await recordOf(log, 'test', 1)).toBeUndefined();
  });
});

describe('a bridge that starts with another mapping than the generation was made by', () => {
  it('says which rules map otherwise, and goes on', async () => {
    await madeHistory(log);
    const { inUse } = await livingBridge(log, corrected);
    expect(inUse.changedRules).toEqual(['t.t-created', 't.t-made']);
  });
});

describe('remapping that is killed with SIGKILL', () => {
  const program = fileURLToPath(new URL('./fixtures/remap-process.ts', import.meta.url));

  /** Remaps and switches in a process of its own, which kills itself after its n-th write; resolves to the signal that ended it. */
  async function remapKilledAfter(write: number): Promise<string | null> {
    const child = spawn(process.execPath, ['--import', 'tsx', program, temporary.url, String(write)], {
      stdio: 'inherit',
    });
    const [, signal] = await once(child, 'exit');
    return signal;
  }

  it('after any write leaves the current generation whole, and done again ends in the same history', async () => {
    for (let write = 1, isSwitched = false; !isSwitched; write += 1) {
      await temporary.remove();
      temporary = tempLog();
      log = temporary.log;
      await madeHistory(log);
      const old = await told(log, 'domain');
      expect(await remapKilledAfter(write)).toBe('SIGKILL');
      isSwitched = (await log.head('domain')).generation !== undefined;
      expect(await told(log, 'domain')).toEqual(isSwitched ? correctedHistory : old);
      await remap(log, corrected, { andSwitch: true });
      expect(await told(log, 'domain')).toEqual(correctedHistory);
    }
  }, 120_000);
});
