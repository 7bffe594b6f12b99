import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach } from 'vitest';
import { type MeasuredGateway, startMeasuredGateway } from '../../bench/proxy/gateway.ts';
import { freePort } from '../free-port.ts';

const token = 'opens the admin API of a test';

/** A gateway before an application. */
export interface BehindGateway {
  /** Its public origin, by another host than the application's: `http://localhost:20000`. */
  (): string;
  /** What it counts. */
  metrics(): Promise<string>;
}

/**
 * A gateway of its own, started as a user starts it before the first test of the suite that calls this (none where a real part is missing), and
 * stopped after the last. `legacy` is that key of its configuration.
 */
export function behindGateway(legacy: () => object): BehindGateway {
  let gateway: MeasuredGateway | undefined;
  let [folder, site, admin] = ['', '', ''];
  beforeEach(async () => {
    if (gateway) return;
    folder = mkdtempSync(join(tmpdir(), 'lamp-gateway-'));
    const [port, adminPort] = [await freePort(), await freePort()];
    const listeners = { public: { port }, admin: { port: adminPort, token } };
    gateway = await startMeasuredGateway(folder, { legacy: legacy(), listeners }, adminPort);
    [site, admin] = [`http://localhost:${port}`, `http://127.0.0.1:${adminPort}`];
  });
  afterAll(async () => {
    if (!gateway) return;
    await gateway.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return Object.assign(() => site, {
    async metrics() {
      return (await fetch(`${admin}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
    },
  });
}
