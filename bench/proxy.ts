import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../test/free-port.ts';
import { type HelperProcess, startHelper } from './helper-process.ts';
import { cpuMicroseconds } from './process-usage.ts';
import { passThrough, sampleRouting, startMeasuredGateway } from './proxy/gateway.ts';
import type { Turn } from './proxy/load.ts';
import { findNginx, startNginx } from './proxy/nginx.ts';
import { median } from './quantile.ts';
import type { Effort, Report, ReportTable } from './report.ts';

/** A program under load. The first of a comparison is what the others are divided by. */
interface Contestant {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

const bareName = 'node:http both ways, bare';
const connections = 16;
const headers =
  'host: shop.example\r\naccept: application/json\r\ncookie: user=alice; last_seen=7\r\nuser-agent: bench\r\n';
const requests = {
  GET: `GET /shipments/7 HTTP/1.1\r\n${headers}\r\n`,
  POST: `POST /shipments/7 HTTP/1.1\r\n${headers}content-type: text/plain\r\ncontent-length: 1024\r\n\r\n${'x'.repeat(1_024)}`,
};

/**
 * CPU time per proxied request of our gateway, as a ratio to one nginx worker and to the barest proxy on node:http. All run at once and take
 * turns of equal length, again and again, so that whatever else the machine does falls on all alike; a ratio is made within one round.
 */
export async function measureProxy(effort: Effort): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'strangler-bench-'));
  const upstream = await startHelper<{ port: number }>(new URL('./proxy/upstream.ts', import.meta.url));
  const load = await startHelper(new URL('./proxy/load.ts', import.meta.url));
  const contestants: Contestant[] = [];
  try {
    for (const start of starters(folder, upstream.first.port)) contestants.push(...(await start()));
    const tables: ReportTable[] = [];
    for (const method of ['GET', 'POST'] as const) tables.push(await compare(method, contestants, load, effort));
    return { bench: 'proxy', tables };
  } finally {
    for (const { stop } of [...contestants, load, upstream]) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each starts one contestant, or none where it cannot be had on this machine. */
function starters(folder: string, upstreamPort: number): (() => Promise<Contestant[]>)[] {
  const gateway = async (name: string, configure: (port: number, adminPort: number) => object) => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const running = await startMeasuredGateway(join(folder, name), configure(port, adminPort), adminPort);
    return { running, contestant: { name, pid: running.pid, port, stop: () => running.stop() } };
  };
  const sample = async (stage: 'legacy' | 'new') => {
    const { running, contestant } = await gateway(`gateway, sample routing, stage ${stage}`, (port, adminPort) =>
      sampleRouting(port, adminPort, upstreamPort, stage),
    );
    // A rollout to nobody has to be evaluated for every request; a flag that is off would not be.
    await running.strangler('flags', 'rollout', 'new-shipments', '0');
    return [contestant];
  };
  return [
    () => nginx(join(folder, 'nginx'), upstreamPort),
    () => bare(upstreamPort),
    async () => [
      (await gateway('gateway, only legacy', (port, admin) => passThrough(port, admin, upstreamPort))).contestant,
    ],
    () => sample('legacy'),
    () => sample('new'),
  ];
}

async function nginx(folder: string, upstreamPort: number): Promise<Contestant[]> {
  const binary = await findNginx();
  if (!binary) {
    process.stderr.write('found no nginx and no Debian package of it: the ratios are to node:http both ways alone\n');
    return [];
  }
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const child = await startNginx(binary, folder, port, upstreamPort);
  return [{ name: 'nginx, one worker', pid: child.pid, port, stop: () => child.stop() }];
}

async function bare(upstreamPort: number): Promise<Contestant[]> {
  const { pid, first, stop } = await startHelper<{ port: number }>(new URL('./proxy/bare-proxy.ts', import.meta.url), [
    String(upstreamPort),
  ]);
  return [{ name: bareName, pid, port: first.port, stop }];
}

async function compare(
  method: 'GET' | 'POST',
  contestants: readonly Contestant[],
  load: HelperProcess<unknown>,
  effort: Effort,
): Promise<ReportTable> {
  const turn = (contestant: Contestant) => takeTurn(contestant, requests[method], effort.requests, load);
  for (const contestant of contestants) await turn(contestant);
  const bareIndex = contestants.findIndex(({ name }) => name === bareName);
  const rounds: number[][] = [];
  for (let pair = 0; pair < effort.pairs; pair += 1) {
    const round: number[] = [];
    for (const contestant of contestants) round.push(await turn(contestant));
    rounds.push(round);
  }
  return {
    title: `CPU time of the proxy per ${method} of 1 KiB; ${effort.pairs} rounds of ${effort.requests} requests over ${connections} connections`,
    columns: ['proxy', 'µs, median', `to ${contestants[0]!.name}`, 'least', 'most', 'to bare node:http'],
    rows: contestants.map(({ name }, index) => {
      const toFirst = rounds.map((round) => round[index]! / round[0]!);
      const toBare = rounds.map((round) => round[index]! / round[bareIndex]!);
      const micros = median(rounds.map((round) => round[index]!));
      return [name, micros, median(toFirst), Math.min(...toFirst), Math.max(...toFirst), median(toBare)];
    }),
  };
}

/** Microseconds of CPU per request. */
async function takeTurn(
  { name, pid, port }: Contestant,
  request: string,
  count: number,
  load: HelperProcess<unknown>,
): Promise<number> {
  const before = cpuMicroseconds(pid);
  const { error } = await load.ask<{ error?: string }>({ port, requests: count, connections, request } satisfies Turn);
  if (error) throw new Error(`${name}: ${error}`);
  return (cpuMicroseconds(pid) - before) / count;
}
