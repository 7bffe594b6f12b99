import { Agent, request } from 'node:http';
import { nowMs } from '../clock.ts';
import type { Arrival } from './sides.ts';

/** One change of the flag, in milliseconds from the moment when its admin request was sent. */
export interface Change {
  /** Until the admin API's answer was there. */
  readonly answeredMs: number;
  /** Until the first request came to the other side. */
  readonly effectiveMs: number;
}

/** Where the gateway is, and how its admin API lets one in. */
export interface FlagPlace {
  readonly publicPort: number;
  readonly adminPort: number;
  readonly token: string;
  readonly flag: string;
}

/** A change that has no effect for so long is a defect. */
const patienceMs = 10_000;

/** Changes a flag, and meanwhile asks the gateway, one request after the other without a pause, which side answers. */
export class FlagChanger {
  readonly #place: FlagPlace;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(place: FlagPlace) {
    this.#place = place;
  }

  /** Sets the flag, which must be the other way now. Throws when the admin API refuses or no request goes to the other side. */
  async change(enabled: boolean): Promise<Change> {
    const side = enabled ? 'new' : 'legacy';
    const startedAt = nowMs();
    const answered = this.#set(enabled).then(nowMs);
    const [answeredAt, arrivedAt] = await Promise.all([answered, this.#firstArrival(side, startedAt + patienceMs)]);
    return { answeredMs: answeredAt - startedAt, effectiveMs: arrivedAt - startedAt };
  }

  stop(): void {
    this.#agent.destroy();
  }

  async #firstArrival(side: Arrival['side'], deadlineMs: number): Promise<number> {
    while (nowMs() < deadlineMs) {
      const { body } = await this.#ask(this.#place.publicPort, 'GET', '/split', {});
      const arrival = JSON.parse(body) as Arrival;
      if (arrival.side === side) return arrival.atMs;
    }
    throw new Error(`found no request at ${side} within ${patienceMs} ms of the change`);
  }

  async #set(enabled: boolean): Promise<void> {
    const { adminPort, token, flag } = this.#place;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await this.#ask(adminPort, 'PUT', `/api/flags/${flag}`, headers, JSON.stringify({ enabled }));
    if (answer.status !== 200) throw new Error(`the admin API answered ${answer.status}: ${answer.body}`);
  }

  #ask(port: number, method: string, path: string, headers: Record<string, string>, body = '') {
    return new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const sent = request({ agent: this.#agent, host: '127.0.0.1', port, method, path, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        answer.once('end', () => resolve({ status: answer.statusCode, body: text })).once('error', reject);
      });
      sent.once('error', reject).end(body);
    });
  }
}
