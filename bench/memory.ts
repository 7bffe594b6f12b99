import { residentMebibytes } from './process-usage.ts';
import type { Contestant } from './proxy/contestant.ts';
import { startContestants, withEverything } from './proxy/contestants.ts';
import { onField } from './proxy/field.ts';
import { getRequest } from './proxy/hundred-routes.ts';
import type { Turn } from './proxy/load.ts';
import type { Effort, Report } from './report.ts';

const keptConnections = 1_000;
const steps = 5;

/** Resident memory of our gateway with everything on: idle, with a thousand kept connections, and over a million requests. */
export async function measureMemory({ requests }: Effort): Promise<Report> {
  return onField(async (field, load) => {
    const [gateway] = await startContestants(field, [withEverything]);
    const { pid, port, stop } = gateway as Contestant;
    const rows: [string, number][] = [];
    const note = (when: string) => rows.push([when, residentMebibytes(pid)]);
    const send = async (count: number, connections: number, hold: boolean) => {
      const turn: Turn = { port, requests: count, connections, request: getRequest(1_024), hold };
      const { error } = await load.ask<{ error?: string }>(turn);
      if (error) throw new Error(error);
    };
    try {
      note('idle');
      await send(10 * keptConnections, keptConnections, true);
      note(`${keptConnections} kept connections, ten requests on each`);
      for (let step = 1; step <= steps; step += 1) {
        await send(requests * 20, 50, false);
        note(`after ${(requests * 20 * step).toLocaleString('en')} more requests`);
      }
      return {
        bench: 'memory',
        tables: [{ title: 'Resident memory of the gateway, MiB', columns: ['when', 'MiB'], rows }],
      };
    } finally {
      await stop();
    }
  });
}
