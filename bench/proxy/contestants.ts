import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/free-port.ts';
import { startHelper } from '../helper-process.ts';
import { type Contestant, cores, pin } from './contestant.ts';
import { findEnvoy, startEnvoy } from './envoy.ts';
import type { Field } from './field.ts';
import { everything, flag, type Places, passThrough, startMeasuredGateway } from './gateway.ts';
import { findNginx, startNginx } from './nginx.ts';
import { peerNames, startPeer } from './peers.ts';

export const bareName = 'node:http both ways, bare';
export const everythingName = 'gateway, everything on';

type Starter = (field: Field) => Promise<Contestant[]>;

/** All proxies that can be had on this machine, each on the contestants' core. nginx is first where it is to be had. */
export async function startContestants(field: Field, starters: readonly Starter[]): Promise<Contestant[]> {
  const started: Contestant[] = [];
  try {
    for (const start of starters) {
      for (const contestant of await start(field)) {
        started.push(contestant);
        await pin(contestant.pid, cores.contestants);
      }
    }
    return started;
  } catch (error) {
    for (const { stop } of started) await stop();
    throw error;
  }
}

export async function nginx({ folder, upstreamPort }: Field): Promise<Contestant[]> {
  const binary = await findNginx();
  if (!binary) {
    process.stderr.write('found no nginx and no Debian package of it: the ratios are to node:http both ways\n');
    return [];
  }
  const place = join(folder, 'nginx');
  mkdirSync(place, { recursive: true });
  const port = await freePort();
  const child = await startNginx(binary, place, port, upstreamPort);
  return [{ name: 'nginx, one worker', pid: child.pid, port, stop: () => child.stop() }];
}

export async function bare({ upstreamPort }: Field): Promise<Contestant[]> {
  const program = new URL('./bare-proxy.ts', import.meta.url);
  const { pid, first, stop } = await startHelper<{ port: number }>(program, [String(upstreamPort)]);
  return [{ name: bareName, pid, port: first.port, stop }];
}

export async function envoy({ folder, upstreamPort }: Field): Promise<Contestant[]> {
  const program = await findEnvoy();
  if (program === undefined) return [];
  const [port, adminPort] = [await freePort(), await freePort()];
  const child = await startEnvoy(program, join(folder, 'envoy'), port, adminPort, upstreamPort);
  return [{ name: 'Envoy, 100 routes, split, log', pid: child.pid, port, stop: () => child.stop() }];
}

export const peers: readonly Starter[] = peerNames.map(
  (name) =>
    ({ upstreamPort }) =>
      startPeer(name, upstreamPort),
);

export const passingOn =
  (forwarder: 'general' | 'wire'): Starter =>
  async (field) => {
    const { contestant } = await gateway(`gateway, passing on, ${forwarder}`, field, (places) =>
      passThrough(places, forwarder),
    );
    return [contestant];
  };

export async function withEverything(field: Field): Promise<Contestant[]> {
  const { contestant, running } = await gateway(everythingName, field, (places) => everything(places, field.otlpPort));
  await running.strangler('flags', 'rollout', flag, '50');
  return [contestant];
}

async function gateway(name: string, { folder, upstreamPort }: Field, configure: (places: Places) => object) {
  const places = { port: await freePort(), adminPort: await freePort(), upstreamPort };
  const running = await startMeasuredGateway(join(folder, name), configure(places), places.adminPort);
  return { running, contestant: { name, pid: running.pid, port: places.port, stop: () => running.stop() } };
}
