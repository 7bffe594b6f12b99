import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { type Child, startChild } from '../../runtime/child-process.ts';
import { until } from '../../test/until.ts';
import { hundredRoutes } from './hundred-routes.ts';

const root = resolve(import.meta.dirname, '..', '..');
const program = join(root, 'cli', 'strangler.mjs');

/** Our gateway, alone in its process, with a configuration and a data directory of its own. */
export interface MeasuredGateway extends Child {
  /** Runs a command of `strangler` on it. */
  strangler(...args: string[]): Promise<void>;
}

/** Where a measured gateway listens and what is behind it. */
export interface Places {
  readonly port: number;
  readonly adminPort: number;
  readonly upstreamPort: number;
}

/** Everything a configuration needs to pass all on to legacy, as the general forwarder does it or as it is by default. */
export function passThrough({ port, adminPort, upstreamPort }: Places, forwarder: 'general' | 'wire'): object {
  return {
    legacy: { url: `http://127.0.0.1:${upstreamPort}`, forwarder },
    listeners: { public: { port }, admin: { port: adminPort } },
  };
}

/** The flag that the hundred routes are split by. */
export const flag = 'new-orders';

/**
 * All at once: a hundred routes over path, header and cookie, split by a flag, metrics and access log (which are on by default), one
 * request in a hundred traced.
 */
export function everything(places: Places, otlpPort: number): object {
  const service = `http://127.0.0.1:${places.upstreamPort}`;
  return {
    ...passThrough(places, 'wire'),
    identity: { user: [{ cookie: 'user' }] },
    telemetry: { otlp: `http://127.0.0.1:${otlpPort}`, sample: '1%' },
    capabilities: { orders: { service, split: [{ flag }], routes: hundredRoutes.map(routeOf) } },
  };
}

function routeOf({ path, header, cookie }: (typeof hundredRoutes)[number], index: number): object {
  return {
    name: `route-${index}`,
    match: {
      path: `${path}/*`,
      ...(header && { headers: Object.fromEntries([header]) }),
      ...(cookie && { cookies: Object.fromEntries([cookie]) }),
    },
  };
}

/** Starts it, and resolves when it is ready. */
export async function startMeasuredGateway(
  folder: string,
  configuration: object,
  adminPort: number,
): Promise<MeasuredGateway> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'strangler.yaml'), stringify(configuration));
  const output = openSync(join(folder, 'gateway.log'), 'a');
  const run = (args: readonly string[]) =>
    startChild(process.execPath, [program, ...args], { cwd: folder, stdio: ['ignore', output, output, 'ipc'] });
  const gateway = await run(['start', '--only', 'gateway']);
  const ready = async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok;
  await until(ready, 20_000, `the gateway to be ready; see ${folder}/gateway.log`);
  return {
    ...gateway,
    async strangler(...args) {
      const { code } = await (await run(args)).exited;
      if (code !== 0) throw new Error(`strangler ${args.join(' ')} ended with ${code}; see ${folder}/gateway.log`);
    },
  };
}
