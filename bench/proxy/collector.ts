/** Takes the traces that a measured gateway exports, so that exporting costs what it costs. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endWithParent } from '../helper-process.ts';

const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
});
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }));
endWithParent();
