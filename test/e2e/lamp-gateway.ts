import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach } from 'vitest';
import { type MeasuredGateway, startMeasuredGateway } from '../../bench/proxy/gateway.ts';
import { freePort } from '../free-port.ts';

/**
 * A gateway of its own, started as a user starts it before the first test of the suite that calls this (none where a real part is missing), and
 * stopped after the last. `legacy` is that key of its configuration. Gives the way to its public origin, by another host than the
 * application's: `http://localhost:20000`.
 */
export function behindGateway(legacy: () => object): () => string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'));
  let gateway: MeasuredGateway | undefined;
  let site = '';
  beforeEach(async () => {
    if (gateway) return;
    const [port, admin] = [await freePort(), await freePort()];
    const listeners = { public: { port }, admin: { port: admin } };
    gateway = await startMeasuredGateway(folder, { legacy: legacy(), listeners }, admin);
    site = `http://localhost:${port}`;
  });
  afterAll(async () => {
    await gateway?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return () => site;
}
