import http from 'node:http';
import net from 'node:net';

/** A client that asks for what is its own over one kept connection. */
export class Victim {
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: number;
  #asked = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** What was wrong with the answer, of which the back end made `GET TARGET`; undefined: it was its own. */
  async ask(): Promise<string | undefined> {
    this.#asked += 1;
    const target = `/victim-${process.pid}-${this.#asked}`;
    const answer = await this.#get(target);
    return answer === `200 GET ${target}` ? undefined : `${target} was answered ${answer}`;
  }

  stop(): void {
    this.#agent.destroy();
  }

  #get(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { port: this.#port, host: '127.0.0.1', path, agent: this.#agent, headers: { host: 'victim' } };
      const asked = http.get(options, (answer) => {
        let text = '';
        answer.on('data', (piece) => {
          text += piece;
        });
        answer.on('end', () => resolve(`${answer.statusCode} ${text}`));
        answer.on('error', reject);
      });
      asked.on('error', reject);
    });
  }
}

/** Sends bytes (latin1) on a connection of their own, and resolves with all that came until it was closed. */
export function sendAll(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (piece) => {
      received += piece.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
    socket.write(bytes, 'latin1');
  });
}

/**
 * The answers that a client has received, which must be whole: the body of those that the back end gave, status and code of those that are the
 * gateway's own. Interim answers are left out.
 */
export function answersIn(received: string): string[] {
  const answers: string[] = [];
  let rest = received;
  while (rest !== '') {
    const [head, status] = /^HTTP\/1\.1 (\d{3}) [\s\S]*?\r\n\r\n/.exec(rest) ?? [rest, 'no answer'];
    const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0);
    const bodyless = Number(status) < 200 || /\r\nx-to: HEAD\r\n/i.test(head);
    const body = rest.slice(head.length, head.length + (bodyless ? 0 : length));
    rest = rest.slice(head.length + body.length);
    if (Number(status) >= 200) answers.push(status === '200' ? body || 'HEAD' : `${status} ${codeOf(body)}`);
    else if (status === 'no answer') answers.push(`no answer: ${head}`);
  }
  return answers;
}

function codeOf(body: string): string {
  return /"code":"([a-z-]+)"/.exec(body)?.[1] ?? body;
}

/** Calls `act` for each item, some at a time. */
export async function eachOf<T>(items: readonly T[], atOnce: number, act: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
