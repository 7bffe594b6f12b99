/** One worker of a gateway: a process that serves requests. It is started by the gateway's first process (crew.ts), never by hand. */
import '../read-typescript.mjs';

const { work } = await import('./worker-process.ts');
await work();
