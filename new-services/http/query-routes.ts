import { z } from 'zod';
import { type Query, querySchema } from '../../contract/envelope.ts';
import type { EventLog } from '../../contract/event-log.ts';
import type { Database } from '../../runtime/sqlite.ts';
import { ServicesError } from '../errors.ts';
import { statuses } from '../shipments/decider/shipment.ts';
import { type ShipmentId, shipmentId } from '../shipments/decider/shipment-commands.ts';
import { findShipment, findShipmentCreatedBy, listShipments, type ShipmentRow } from '../shipments/find-shipments.ts';
import { type Moment, shipmentAsOf } from '../shipments/shipment-history.ts';
import { shipmentMembers } from '../shipments/shipment-json.ts';
import { resolveShipmentId } from '../shipments/shipment-keys.ts';
import { type ConsistentReads, readConsistently, readFromLog } from './consistency.ts';
import { type Exchange, sendJson } from './exchange.ts';
import { parseEnvelope, refuseUnknownAction } from './parse-envelope.ts';
import { readJson } from './read-json.ts';
import type { Route } from './router.ts';

/** What queries are answered from. */
export interface QueryPorts {
  readonly log: EventLog;
  readonly reads: ConsistentReads;
}

type Answer = (ports: QueryPorts, exchange: Exchange, data: unknown) => Promise<unknown>;

const answers: Readonly<Record<string, Answer>> = {
  'get-shipment': getShipment,
  'list-shipments': list,
  'get-shipment-as-of': getShipmentAsOf,
};

/** `POST /query` answers `{id, action, data}` with `{id, action, data}`. Nothing changes by asking. */
export function queryRoutes(ports: QueryPorts): Route[] {
  return [{ method: 'POST', path: '/query', handle: (exchange) => postQuery(ports, exchange) }];
}

async function postQuery(ports: QueryPorts, exchange: Exchange): Promise<void> {
  const { id, action, data } = await readQuery(exchange);
  sendJson(exchange, 200, { id, action, data: await answers[action]!(ports, exchange, data) });
}

async function readQuery({ request }: Exchange): Promise<Query> {
  const query = parseEnvelope(querySchema, await readJson(request));
  refuseUnknownAction(query.action, Object.keys(answers));
  return query;
}

const getData = z.object({ data: z.strictObject({ 'shipment-id': shipmentId }) });

async function getShipment({ reads }: QueryPorts, exchange: Exchange, data: unknown): Promise<unknown> {
  const id = parseEnvelope(getData, { data }).data['shipment-id'];
  const row = await readConsistently(exchange, reads, (database) => findById(database, id));
  if (!row) throw shipmentNotFound(id);
  return shipmentAnswer(row);
}

function findById(database: Database, id: ShipmentId): ShipmentRow | undefined {
  return typeof id === 'string' && id.includes('-')
    ? findShipmentCreatedBy(database, id)
    : findShipment(database, Number(id));
}

const listData = z.object({
  data: z.strictObject({
    search: z.string().max(200).default(''),
    status: z.enum(statuses).optional(),
    page: z.int().min(1).max(1_000_000).default(1),
  }),
});

async function list({ reads }: QueryPorts, exchange: Exchange, data: unknown): Promise<unknown> {
  const { search, status = '', page } = parseEnvelope(listData, { data }).data;
  const { rows, total } = await readConsistently(exchange, reads, (database) =>
    listShipments(database, { search, status, page }),
  );
  return { shipments: rows.map(shipmentAnswer), total, page };
}

const asOfData = z.object({
  data: z.union(
    [
      z.strictObject({ 'shipment-id': shipmentId, version: z.int().min(0) }),
      z.strictObject({ 'shipment-id': shipmentId, time: z.iso.datetime({ offset: true }) }),
    ],
    'expected {"shipment-id", "version"} with a whole number, or {"shipment-id", "time"} with an ISO 8601 time and its offset',
  ),
});

async function getShipmentAsOf({ log }: QueryPorts, exchange: Exchange, data: unknown): Promise<unknown> {
  const { 'shipment-id': id, ...moment } = parseEnvelope(asOfData, { data }).data;
  const answer = await readFromLog(exchange, log, () => asOf(log, id, moment));
  if (!answer) throw shipmentNotFound(id);
  return answer;
}

async function asOf(log: EventLog, id: ShipmentId, moment: Moment): Promise<object | undefined> {
  const key = await resolveShipmentId(log, id);
  const answer = key === undefined ? undefined : await shipmentAsOf(log, key, moment);
  return answer && { 'shipment-id': key, ...answer };
}

function shipmentAnswer({ key, version, fields, customerName, packingList, notes, createdBy, updatedAt }: ShipmentRow) {
  const members = shipmentMembers({ record: { kind: 'existing', ...fields }, packingList, notes });
  return {
    'shipment-id': key,
    'created-by': createdBy,
    version,
    ...members,
    'customer-name': customerName,
    'updated-at': updatedAt,
  };
}

function shipmentNotFound(id: ShipmentId): ServicesError {
  return new ServicesError(
    'shipment-not-found',
    `/data/shipment-id: found ${id}, expected the id of a shipment that exists`,
  );
}
