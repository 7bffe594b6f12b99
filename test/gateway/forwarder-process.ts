import { startGeneralForwarder, startHttpProxyForwarder } from './start-forwarder.ts';
import { startWire } from './start-wire.ts';

/** A forwarder alone in its process: `NAME ORIGIN`. Tells its port, and its peak resident memory in bytes whenever it is asked. */
const starts = { general: startGeneralForwarder, 'http-proxy': startHttpProxyForwarder, wire: startWire };

const [name, origin] = process.argv.slice(2) as [keyof typeof starts, string];
const { port } = await starts[name](origin);
process.on('message', () => process.send!({ peakBytes: process.resourceUsage().maxRSS * 1024 }));
process.on('disconnect', () => process.exit());
process.send!({ port });
