import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { until } from '../until.ts';
import { allEvents, bridgeConfig, caughtUp, onBothServers, start, tempLog } from './legacy.ts';

const atEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of atEnd.splice(0).reverse()) await undo();
});

onBothServers((create) => {
  it('goes on with a password that was exchanged while it ran, and loses nothing meanwhile', async () => {
    const legacy = await create();
    atEnd.push(() => legacy.drop());
    const user = `rotated_${randomInt(1e9)}`;
    await legacy.run(`CREATE USER ${user}@'127.0.0.1' IDENTIFIED BY 'first'`);
    atEnd.push(() => legacy.run(`DROP USER ${user}@'127.0.0.1'`));
    await legacy.run(`GRANT ALL ON *.* TO ${user}@'127.0.0.1'`);
    const folder = mkdtempSync(join(tmpdir(), 'rotation-'));
    atEnd.push(() => rmSync(folder, { recursive: true }));
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, 'first\n');

    const url = Object.assign(new URL(legacy.url), { username: user, password: '' }).href;
    const base = bridgeConfig({ url });
    const store = tempLog();
    atEnd.push(() => store.remove());
    const bridge = await start({ ...base, database: { ...base.database, passwordFile } }, store.log);
    atEnd.push(() => bridge.stop());
    const insert = (name: string) => legacy.run('INSERT INTO customers (name, created_at) VALUES (?, NOW())', [name]);
    await insert('before');
    await caughtUp(bridge);

    await legacy.run(`ALTER USER ${user}@'127.0.0.1' IDENTIFIED BY 'second'`);
    for (const { id } of await legacy.run(`SELECT id FROM information_schema.processlist WHERE user = '${user}'`))
      await legacy.run(`KILL ${id}`);
    await insert('meanwhile');
    await until(async () => (await bridge.status()).phase === 'connecting');
    writeFileSync(passwordFile, 'second\n');
    await until(async () => (await bridge.status()).phase === 'streaming');
    await insert('after');
    await caughtUp(bridge);
    const names = (await allEvents(store.log)).map((event) => (event.data as { name?: string }).name);
    expect(names.filter((name) => name !== undefined)).toEqual(['before', 'meanwhile', 'after']);
  }, 60_000);
});
