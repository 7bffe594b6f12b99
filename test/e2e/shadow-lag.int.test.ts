import { afterEach, expect, it } from 'vitest';
import { until } from '../until.ts';
import { Browser } from './browser.ts';
import { startSystem, type TestSystem } from './system.ts';

let system: TestSystem | undefined;
afterEach(async () => {
  await system?.remove();
});

interface RouteReport {
  readonly route: string;
  readonly matched: number;
  readonly notComparable: Readonly<Record<string, number>>;
  readonly differences: readonly { path: string }[];
}

it('counts lag of the bridge as lag, never as a difference: reads right behind writes, and while the data side stands still', async () => {
  system = await startSystem();
  const browser = new Browser(system.site);
  await browser.post('/login', { user: 'alice', password: 'secret', next: '/' });
  const statuses = ['in_transit', 'delayed'];
  const writeAndRead = async (round: number) => {
    await browser.post('/shipments/7/status', { status: statuses[round % 2]! });
    await browser.get('/shipments/7', { accept: 'application/json' });
  };
  const report = async (): Promise<RouteReport | undefined> => {
    const { stdout } = await system!.strangler('shadow', 'report', '--json');
    const { routes } = JSON.parse(stdout) as { routes: RouteReport[] };
    return routes.find(({ route }) => route === 'GET /shipments/{id}');
  };
  for (let round = 0; round < 10; round++) await writeAndRead(round);
  await until(async () => ((await report())?.matched ?? 0) > 0, 30_000, 'a read right behind a write that agrees');

  process.kill(system.pids().data!, 'SIGSTOP');
  try {
    for (let round = 0; round < 3; round++) await writeAndRead(round);
    await until(async () => ((await report())?.notComparable.lag ?? 0) > 0, 30_000, 'reads that count as lag');
  } finally {
    process.kill(system.pids().data!, 'SIGCONT');
  }
  const paths = (await report())!.differences.map(({ path }) => path);
  expect(paths.filter((path) => path === '/shipment_status')).toEqual([]);
}, 180_000);
