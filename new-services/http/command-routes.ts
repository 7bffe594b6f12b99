import { z } from 'zod';
import { type Command, commandSchema } from '../../contract/envelope.ts';
import type { EventLog } from '../../contract/event-log.ts';
import { strangler } from '../../contract/headers.ts';
import { formatLogAddress, type LogAddress } from '../../contract/log-address.ts';
import { isTraceparent } from '../../contract/traceparent.ts';
import { ServicesError } from '../errors.ts';
import {
  awaitOutcome,
  type CommandStatus,
  commandStatus,
  submitCommand,
  unrecordedCommand,
} from '../event-sourcing/command-topic.ts';
import type { Decision } from '../event-sourcing/decider/decider.ts';
import type { RecordedCommand } from '../event-sourcing/handle-command.ts';
import { shipmentActions, shipmentCommandSchema } from '../shipments/decider/shipment-commands.ts';
import { type Exchange, sendJson } from './exchange.ts';
import { parseEnvelope, refuseUnknownAction } from './parse-envelope.ts';
import { readJson } from './read-json.ts';
import { quote, type Route } from './router.ts';

const longestWaitMs = 30_000;

/** What the command side of HTTP works with. */
export interface CommandPorts {
  readonly log: EventLog;
  readonly now: () => Date;
  /** Aborts when the services stop. */
  readonly stopping: AbortSignal;
  /** What the command would do, nothing written. */
  decideDry(command: RecordedCommand): Promise<{ readonly stream?: string; readonly decision: Decision }>;
}

/** `POST /command/{id}` accepts a command, `GET /command/{id}` tells how it stands. */
export function commandRoutes(ports: CommandPorts): Route[] {
  return [
    { method: 'POST', path: '/command/{id}', handle: (exchange) => postCommand(ports, exchange) },
    { method: 'GET', path: '/command/{id}', handle: (exchange) => getCommand(ports, exchange) },
  ];
}

async function postCommand(ports: CommandPorts, exchange: Exchange): Promise<void> {
  const waitMs = wantedWaitMs(exchange);
  const command = await readCommand(exchange);
  if (exchange.request.headers[strangler.dryRun] === '1') return answerDryRun(ports, exchange, command);
  const { traceparent } = exchange.request.headers;
  const trace = typeof traceparent === 'string' && isTraceparent(traceparent) ? { traceparent } : {};
  const address = await submitCommand(ports.log, command, { at: ports.now(), ...trace });
  exchange.response.setHeader('location', `/command/${command.id}`);
  const status = await statusWithin(ports, command.id, address, waitMs);
  sendStatus(exchange, status.outcome ? 200 : 202, command.id, status);
}

async function getCommand({ log }: CommandPorts, exchange: Exchange): Promise<void> {
  const id = pathId(exchange);
  const status = await commandStatus(log, id);
  if (!status) throw new ServicesError('command-unknown', `no command ${id} was ever accepted`);
  sendStatus(exchange, 200, id, status);
}

async function readCommand(exchange: Exchange): Promise<Command> {
  const id = pathId(exchange);
  const command = parseEnvelope(commandSchema, await readJson(exchange.request));
  if (command.id.toLowerCase() !== id) {
    throw new ServicesError('malformed-envelope', `/id: found ${command.id}, expected the path's ${id}`, {
      facts: { problems: [{ path: '/id', message: `expected the path's ${id}` }] },
    });
  }
  refuseUnknownAction(command.action, shipmentActions);
  parseEnvelope(shipmentCommandSchema, { action: command.action, data: command.data });
  return { ...command, id };
}

/** A uuid means the same in either case (RFC 9562 §4), so it is one command. */
function pathId({ params: { id = '' } }: Exchange): string {
  if (z.uuid().safeParse(id).success) return id.toLowerCase();
  throw new ServicesError('malformed-request', `path: found ${quote(id)}, expected the command's id, a uuid`);
}

async function answerDryRun({ decideDry, now }: CommandPorts, exchange: Exchange, command: Command): Promise<void> {
  const { stream, decision } = await decideDry(unrecordedCommand(command, now()));
  const { kind, ...details } = decision;
  sendJson(exchange, 200, { id: command.id, state: `would-be-${kind}`, ...(stream && { stream }), ...details });
}

/** `?wait=MILLISECONDS`, or RFC 7240's `Prefer: wait=SECONDS`; 0 when neither is given. At most 30 s. */
function wantedWaitMs({ request, response, url }: Exchange): number {
  const parameter = url.searchParams.get('wait');
  if (parameter !== null) {
    if (!/^\d{1,9}$/.test(parameter)) {
      throw new ServicesError(
        'malformed-request',
        `?wait: found ${quote(parameter)}, expected milliseconds such as 500`,
      );
    }
    return Math.min(Number(parameter), longestWaitMs);
  }
  const seconds = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})/i.exec(String(request.headers.prefer ?? ''))?.[1];
  if (seconds === undefined) return 0;
  response.setHeader('preference-applied', `wait=${seconds}`);
  return Math.min(Number(seconds) * 1000, longestWaitMs);
}

async function statusWithin(
  { log, stopping }: CommandPorts,
  id: string,
  address: LogAddress,
  waitMs: number,
): Promise<CommandStatus> {
  const known = await commandStatus(log, id);
  if (!known) return { address };
  if (known.outcome || waitMs === 0) return known;
  return awaitOutcome(log, id, address, AbortSignal.any([stopping, AbortSignal.timeout(waitMs)]));
}

/** A completed command's answer carries the position from which on a read includes its effect. */
function sendStatus(exchange: Exchange, httpStatus: number, id: string, { address, outcome }: CommandStatus): void {
  const effect = lastEffect(outcome?.data.events);
  if (effect) exchange.response.setHeader(strangler.position, effect);
  const ending = outcome
    ? { state: outcome.action.replace('command-', ''), outcome: formatLogAddress(outcome.address), ...outcome.data }
    : { state: 'pending' };
  sendJson(exchange, httpStatus, { id, address: formatLogAddress(address), ...ending });
}

function lastEffect(events: unknown): string | undefined {
  const last: unknown = Array.isArray(events) ? events.at(-1)?.address : undefined;
  return typeof last === 'string' ? last : undefined;
}
