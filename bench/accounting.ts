import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAccounting } from '../gateway/accounting/accounting.ts';
import { accountingConfig } from '../gateway/accounting/config.ts';
import type { ServedEnd } from '../gateway/accounting/record-request.ts';
import { silent } from '../runtime/logger.ts';
import { Metrics } from '../runtime/metrics.ts';

/**
 * What accounting costs a request, in µs of this process's CPU time, all threads: its ids and trace; its record, counters and line, with
 * and without the line being written. The least of nine rounds, because other work only adds. Run: `npx tsx bench/accounting.ts [requests]`.
 */
const requests = Number(process.argv[2] ?? 200_000);
const rounds = 9;
const directory = mkdtempSync(join(tmpdir(), 'accounting-'));

async function started(file: 'off' | string) {
  const accessLog = { file, query: false, rotate: { at: 64 * 1024 ** 2, keep: 1 }, buffer: 64 * 1024 ** 2 };
  const config = accountingConfig({ accessLog: file === 'off' ? 'off' : accessLog }, directory);
  return startAccounting({
    config,
    secret: 'a secret of sixteen',
    tracing: undefined,
    logger: silent,
    metrics: new Metrics(),
  });
}

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';
const routes = Array.from({ length: 100 }, (_, index) => `GET /shipments/${index}/{id}`);

/** Ends as the request flow tells them: two reasons, a client with a key, a new target for each. */
function endOf(index: number, accounting: Awaited<ReturnType<typeof started>>): ServedEnd {
  const trace = accounting.ids.trace(index % 2 === 0 ? traceparent : undefined, false);
  return {
    startedAt: performance.now() - 1.5,
    reception: {
      facts: {
        method: 'GET',
        host: 'shop.example',
        target: `/shipments/${index}?page=2`,
        clientAddress: '203.0.113.7',
      },
      userAsked: undefined,
      assignmentKeyAsked: 'Zm9vYmFyYmF6cXV4MTIzNA',
      requestId: accounting.ids.requestId(),
      trace,
      publicScheme: 'https',
    },
    decision: {
      route: routes[index % 100],
      capability: 'shipments',
      stage: { kind: 'canary', percent: 25 },
      primary: index % 4 === 0 ? 'new' : 'legacy',
      shadow: undefined,
      reasons: [
        { step: 'match', route: undefined },
        { step: 'stage', stage: { kind: 'canary', percent: 25 }, to: undefined },
        { step: 'percent', place: 12, percent: 25, to: 'new' },
      ],
    },
    route: undefined,
    outcome: {
      kind: 'answered',
      status: 200,
      rawHeaders: [],
      copy: undefined,
      durationMs: 1.25,
      firstByteMs: 0.75,
      requestBytes: 0,
      answerBytes: 1024,
      attempts: 1,
    },
  } as unknown as ServedEnd;
}

/** µs of CPU for one of `requests` calls. Breaks now and then, as a server does, so that batches can be written. */
async function measured(act: (index: number) => void): Promise<number> {
  const before = process.cpuUsage();
  for (let index = 0; index < requests; index += 1) {
    act(index);
    if (index % 500 === 0) await new Promise(setImmediate);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / requests;
}

let kept: unknown;
const off = await started('off');
const written = await started(join(directory, 'access.log'));
const contestants = {
  'an end made, ids and trace too': (index: number) => {
    kept = endOf(index, off);
  },
  'and counted': (index: number) => off.served(endOf(index, off)),
  'and its line written': (index: number) => written.served(endOf(index, written)),
  'ids and trace alone': (index: number) => {
    off.ids.requestId();
    kept = off.ids.trace(index % 2 === 0 ? traceparent : undefined, false);
  },
};
const least = new Map(Object.keys(contestants).map((name) => [name, Number.POSITIVE_INFINITY]));
for (let round = 0; round < rounds; round += 1) {
  for (const [name, act] of Object.entries(contestants)) {
    least.set(name, Math.min(least.get(name)!, await measured(act)));
  }
}
for (const [name, micros] of least) console.log(`${name.padEnd(32)} ${micros.toFixed(2)} µs`);
await written.stop();
rmSync(directory, { recursive: true });

export { kept };
