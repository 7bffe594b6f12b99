/** The two applications of the bench: each answers with the name of its side. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endWithParent } from '../helper-process.ts';

/** The ports that this program tells when it is ready. */
export interface SidePorts {
  readonly legacy: number;
  readonly new: number;
}

function listen(side: keyof SidePorts): Promise<number> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': side.length });
    response.end(side);
  });
  server.keepAliveTimeout = 0;
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

process.send!({ legacy: await listen('legacy'), new: await listen('new') } satisfies SidePorts);
endWithParent();
