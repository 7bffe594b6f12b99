/** The application behind every proxy of the comparison: reads the request to its end, answers as many bytes as the path's last segment says. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endWithParent } from '../helper-process.ts';

const bodies = new Map<number, Buffer>();

function bodyFor(path: string): Buffer {
  const bytes = Number(path.slice(path.lastIndexOf('/') + 1)) || 0;
  const known = bodies.get(bytes);
  if (known) return known;
  const made = Buffer.alloc(bytes, 'x');
  bodies.set(bytes, made);
  return made;
}

const server = createServer((request, response) => {
  const body = bodyFor(request.url!);
  request.resume();
  request.once('end', () => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length });
    response.end(body);
  });
});
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }));
endWithParent();
