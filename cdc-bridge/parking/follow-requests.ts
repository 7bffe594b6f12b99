import type { EventLog } from '../../contract/event-log.ts';
import { actions } from './parked-change.ts';
import type { ParkedChanges } from './parked-changes.ts';
import { type ParkingRequest, parkingRequest } from './parking-request.ts';
import type { ParkedRelease } from './release-parked.ts';
import type { Turns } from './turns.ts';

export interface RequestPorts {
  readonly log: EventLog;
  readonly parked: ParkedChanges;
  readonly release: ParkedRelease;
  readonly turns: Turns;
}

/** Answers what was asked for while no bridge ran, then each request as it comes, until `signal` aborts. */
export async function followRequests(ports: RequestPorts, signal: AbortSignal): Promise<void> {
  const { log, parked, release, turns } = ports;
  const answer = (request: ParkingRequest) => turns.take(() => release.answer(request));
  for (const request of parked.requests()) await answer(request);
  for await (const batch of log.follow('parked', parked.readUpTo, signal)) {
    const requests = batch.filter(({ action, data }) => action === actions.asked && data.bridge === parked.bridge);
    for (const event of requests) await answer(parkingRequest(event));
  }
}
