/** The two applications of the bench: each answers with the name of its side and the moment when the request came. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nowMs } from '../clock.ts';
import { endWithParent } from '../helper-process.ts';

/** The ports that this program tells when it is ready. */
export interface SidePorts {
  readonly legacy: number;
  readonly new: number;
}

/** A request that came to a side. */
export interface Arrival {
  readonly side: keyof SidePorts;
  /** On the clock of bench/clock.ts. */
  readonly atMs: number;
}

function listen(side: keyof SidePorts): Promise<number> {
  const server = createServer((request, response) => {
    const arrival: Arrival = { side, atMs: nowMs() };
    request.resume();
    response.setHeader('content-type', 'application/json').end(JSON.stringify(arrival));
  });
  server.keepAliveTimeout = 0;
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

process.send!({ legacy: await listen('legacy'), new: await listen('new') } satisfies SidePorts);
endWithParent();
