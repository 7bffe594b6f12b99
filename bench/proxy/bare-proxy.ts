/** The least that a proxy on node:http both ways can be, without any of the care that a real one takes: a reference, not a proxy. */
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endWithParent } from '../helper-process.ts';

const upstream = { host: '127.0.0.1', port: Number(process.argv[2]), agent: new Agent({ keepAlive: true }) };
const server = createServer((incoming, outgoing) => {
  const { method, url: path, headers } = incoming;
  const call = request({ ...upstream, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(outgoing);
  });
  incoming.pipe(call);
});
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }));
endWithParent();
