import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { machine } from './machine.ts';
import { type Effort, type Report, reportText } from './report.ts';

/** What can be measured; docs/performance.md says how, and what came out. */
const benches: Readonly<Record<string, () => Promise<(effort: Effort) => Promise<Report>>>> = {
  bridge: async () => (await import('./bridge.ts')).measureBridge,
  'bridge-lag': async () => (await import('./bridge-lag.ts')).measureBridgeLag,
  'bridge-memory': async () => (await import('./bridge-memory.ts')).measureBridgeMemory,
  decode: async () => (await import('./decode.ts')).measureDecode,
  flag: async () => (await import('./flag.ts')).measureFlag,
  flow: async () => (await import('./flow.ts')).measureFlow,
  lag: async () => (await import('./lag.ts')).measureLag,
  latency: async () => (await import('./latency.ts')).measureLatency,
  memory: async () => (await import('./memory.ts')).measureMemory,
  proxy: async () => (await import('./proxy.ts')).measureProxy,
  reader: async () => (await import('./reader.ts')).measureReader,
  routing: async () => (await import('./routing.ts')).measureRouting,
  start: async () => (await import('./start.ts')).measureStart,
};

/** `npm run bench -- [bridge] [bridge-lag] [bridge-memory] [decode] [flag] [flow] [lag] [latency] [memory] [proxy] [reader] [routing] [start] [--json] …`: runs what is named, or everything, one after the other. */
async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rate: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '20' },
      pairs: { type: 'string', default: '7' },
      requests: { type: 'string', default: '10000' },
      runs: { type: 'string', default: '3' },
      changes: { type: 'string', default: '1000' },
    },
  });
  const unknown = positionals.find((name) => !(name in benches));
  if (unknown) throw new Error(`found bench "${unknown}", expected some of ${Object.keys(benches).join(', ')}`);
  const effort: Effort = {
    writesPerSecond: wholeNumber('rate', values.rate),
    seconds: wholeNumber('seconds', values.seconds),
    pairs: wholeNumber('pairs', values.pairs),
    requests: wholeNumber('requests', values.requests),
    runs: wholeNumber('runs', values.runs),
    changes: wholeNumber('changes', values.changes),
  };
  const reports: Report[] = [];
  for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
    const loadBefore = loadavg()[0]!;
    const report = await (await benches[name]!())(effort);
    reports.push({ ...report, loadBefore });
    if (!values.json) process.stdout.write(`${reportText({ ...report, loadBefore })}\n`);
  }
  const described = machine();
  if (values.json) process.stdout.write(`${JSON.stringify({ machine: described, reports }, null, 2)}\n`);
  else process.stdout.write(`Machine: ${Object.values(described).join(', ')}\n`);
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error(`--${name}: found "${text}", expected a whole number from 1 on`);
  return Number(text);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
