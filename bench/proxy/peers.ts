import { dirname } from 'node:path';
import { bringPackage } from '../../test/real-parts/npm-package.ts';
import { startHelper } from '../helper-process.ts';
import type { Contestant } from './contestant.ts';

/** What npm offers for the same purpose, with the version that still runs on Node 20. */
const versions = {
  'http-proxy': '1.18.1',
  'http-proxy-3': '1.23.3',
  '@fastify/http-proxy': '11.6.3',
  'http-proxy-middleware': '3.0.10',
} as const;
export type PeerName = keyof typeof versions;
export const peerNames = Object.keys(versions) as PeerName[];

/** Starts a peer in a process of its own, or says why it is not in the comparison. */
export async function startPeer(name: PeerName, upstreamPort: number): Promise<Contestant[]> {
  try {
    const inside = await bringPackage({
      folder: name.replace('/', '-').replace('@', ''),
      name,
      version: versions[name],
      beside: name.startsWith('@fastify/') ? { fastify: '5' } : {},
    });
    const folder = dirname(name.includes('/') ? dirname(inside) : inside);
    const program = new URL('./peer.ts', import.meta.url);
    const { pid, first, stop } = await startHelper<{ port: number }>(program, [name, folder, String(upstreamPort)]);
    return [{ name, pid, port: first.port, stop }];
  } catch (error) {
    process.stderr.write(`no ${name} in the comparison: ${(error as Error).message}\n`);
    return [];
  }
}
