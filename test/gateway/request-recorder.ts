import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

/** A request as it stood on the wire. */
export interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  /** In their order, names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Without framing, latin1. */
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** Where it ends in what was read. */
  readonly end: number;
}

/** A back end that takes only what every reader would read the same way, and writes down what it read. */
export interface RequestRecorder {
  readonly origin: string;
  readonly requests: readonly RecordedRequest[];
  /** Requests that began and whose end did not come before their connection was closed. */
  readonly partial: readonly string[];
  /** What nobody may send it: anything that another reader could read otherwise. Must stay empty. */
  readonly faults: readonly string[];
  stop(): Promise<void>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const startLine = new RegExp(`^(${token}) ([!-~\\x80-\\xff]+) HTTP/1\\.1$`);
const fieldLine = new RegExp(
  `^(${token}):[ \\t]*((?:[!-~\\x80-\\xff](?:[ \\t!-~\\x80-\\xff]*[!-~\\x80-\\xff])?)?)[ \\t]*$`,
);

/** Starts a recorder. It answers each request with 200 and `METHOD TARGET BODY`, says in X-To by which method, and keeps its connections. */
export async function startRecorder(): Promise<RequestRecorder> {
  const requests: RecordedRequest[] = [];
  const partial: string[] = [];
  const faults: string[] = [];
  const sockets = new Set<Socket>();
  const server = net.createServer((socket) => {
    let unread = '';
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      if (unread !== '') partial.push(unread);
    });
    socket.on('data', (piece) => {
      unread += piece.toString('latin1');
      try {
        for (let request = readRequest(unread); request !== undefined; request = readRequest(unread)) {
          unread = unread.slice(request.end);
          requests.push(request);
          socket.write(answerTo(request), 'latin1');
        }
      } catch (error) {
        faults.push(`${(error as Error).message} in ${JSON.stringify(unread)}`);
        unread = '';
        socket.destroy();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    partial,
    faults,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function answerTo({ method, target, body }: RecordedRequest): string {
  const told = `${method} ${target}${body === '' ? '' : ` ${body}`}`;
  const head = `HTTP/1.1 200 OK\r\nX-To: ${method}\r\nContent-Length: ${told.length}\r\n\r\n`;
  return method === 'HEAD' ? head : head + told;
}

/** The request that a text begins with; undefined while its end is not there. Throws for what is not beyond doubt. */
export function readRequest(text: string): RecordedRequest | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [first, ...lines] = text.slice(0, headEnd).split('\r\n') as [string, ...string[]];
  const [, method, target] = startLine.exec(first) ?? fault(`the request line ${JSON.stringify(first)}`);
  const fields = lines.map(readField);
  const values = (name: string) => fields.filter((field) => field[0] === name).map((field) => field[1]);
  if (values('host').length !== 1) fault(`${values('host').length} Hosts`);
  const body = readBody(text, headEnd + 4, values('content-length'), values('transfer-encoding'));
  return body && { method: method!, target: target!, fields, ...body };
}

type Body = Pick<RecordedRequest, 'body' | 'trailers' | 'end'>;

function readBody(text: string, at: number, lengths: readonly string[], codings: readonly string[]): Body | undefined {
  if (lengths.length + codings.length > 1) fault(`lengths ${lengths} with codings ${codings}`);
  if (codings.length === 1) return codings[0] === 'chunked' ? readChunks(text, at) : fault(`the coding ${codings[0]}`);
  if (lengths.length === 0) return { body: '', trailers: [], end: at };
  if (!/^(0|[1-9]\d{0,14})$/.test(lengths[0]!)) fault(`the length ${lengths[0]}`);
  const end = at + Number(lengths[0]);
  return text.length < end ? undefined : { body: text.slice(at, end), trailers: [], end };
}

function readChunks(text: string, from: number): Body | undefined {
  let body = '';
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = text.slice(at, lineEnd);
    if (!/^[0-9a-f]{1,13}$/i.test(line)) fault(`the chunk size ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    if (size === 0) return readTrailers(text, lineEnd + 2, body);
    const end = lineEnd + 2 + size;
    if (text.length < end + 2) return undefined;
    if (text.slice(end, end + 2) !== '\r\n') fault('a chunk longer than its size');
    body += text.slice(lineEnd + 2, end);
    at = end + 2;
  }
}

const neverInTrailers = /^(host|content-length|transfer-encoding|connection|cookie|authorization|strangler-.*)$/;

function readTrailers(text: string, from: number, body: string): Body | undefined {
  const trailers: (readonly [string, string])[] = [];
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    if (lineEnd === at) return { body, trailers, end: at + 2 };
    const field = readField(text.slice(at, lineEnd));
    if (neverInTrailers.test(field[0])) fault(`the trailer ${field[0]}`);
    trailers.push(field);
    at = lineEnd + 2;
  }
}

function readField(line: string): readonly [string, string] {
  const [, name, value] = fieldLine.exec(line) ?? fault(`the field ${JSON.stringify(line)}`);
  if (name!.includes('_')) fault(`the name ${name}`);
  return [name!.toLowerCase(), value!];
}

function fault(what: string): never {
  throw new Error(what);
}
