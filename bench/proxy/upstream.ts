/** The application behind every proxy of the comparison: reads the request to its end, answers 1 KiB. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endWithParent } from '../helper-process.ts';

const body = Buffer.alloc(1_024, 'x');
const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length });
    response.end(body);
  });
});
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }));
endWithParent();
