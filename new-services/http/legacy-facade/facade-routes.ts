import type { IncomingMessage } from 'node:http';
import { strangler } from '../../../contract/headers.ts';
import { verifySignedUser } from '../../../contract/signed-user.ts';
import { ServicesError } from '../../errors.ts';
import { findShipment, listShipments, pageSize } from '../../shipments/find-shipments.ts';
import { type ConsistentReads, readConsistently } from '../consistency.ts';
import { type Exchange, sendHtml, sendJson } from '../exchange.ts';
import { quote, type Route } from '../router.ts';
import { errorPage, type Frame } from './layout.ts';
import { legacyDetails, legacyRow } from './legacy-row.ts';
import { shipmentListPage } from './shipment-list-page.ts';
import { shipmentPage } from './shipment-page.ts';

/** What the facade answers from. */
export interface FacadePorts {
  readonly reads: ConsistentReads;
  /** Verifies who the gateway says is signed in. */
  readonly secret: string | readonly string[];
}

/**
 * Legacy's own reads, answered by the new side: the same URLs, parameters, JSON and pages, HTML for whoever accepts text/html.
 * Differences on purpose: no `views`, null for a zero date, `updated_at` is the time of the record's last event.
 */
export function facadeRoutes(ports: FacadePorts): Route[] {
  return [
    { method: 'GET', path: '/shipments', handle: (exchange) => showShipments(ports, exchange) },
    { method: 'GET', path: '/shipments/{id}', handle: (exchange) => showShipment(ports, exchange) },
  ];
}

async function showShipments(ports: FacadePorts, exchange: Exchange): Promise<void> {
  const filter = { q: parameter(exchange, 'q'), status: parameter(exchange, 'status') };
  const page = pageNumber(parameter(exchange, 'page'));
  // Legacy's collation ignores case in the status, too.
  const wanted = { search: filter.q, status: filter.status.toLowerCase(), page };
  const { rows, total } = await readConsistently(exchange, ports.reads, (database) => listShipments(database, wanted));
  const shipments = rows.map(legacyRow);
  const pages = Math.max(1, Math.ceil(total / pageSize));
  answer(exchange, 200, { shipments, total, page }, () =>
    shipmentListPage(frameOf(ports, exchange), { shipments, total, page, pages, filter }),
  );
}

async function showShipment(ports: FacadePorts, exchange: Exchange): Promise<void> {
  const { id = '' } = exchange.params;
  if (id === 'new') throw new ServicesError('not-found', 'the form for a new shipment is legacy’s');
  if (!/^\d{1,10}$/.test(id)) {
    return refuse(ports, exchange, 400, `bad id: expected a whole number, found ${quote(id)}`);
  }
  const row = await readConsistently(exchange, ports.reads, (database) => findShipment(database, Number(id)));
  if (!row) return refuse(ports, exchange, 404, 'not found');
  const details = legacyDetails(row);
  answer(exchange, 200, details, () => shipmentPage(frameOf(ports, exchange), details));
}

function refuse(ports: FacadePorts, exchange: Exchange, status: number, message: string): void {
  answer(exchange, status, { error: message }, () => errorPage(frameOf(ports, exchange), status, message));
}

function answer(exchange: Exchange, status: number, json: unknown, page: () => string): void {
  exchange.response.setHeader('vary', 'accept');
  exchange.response.setHeader('cache-control', legacyCaching);
  if (exchange.request.headers.accept?.includes('text/html')) sendHtml(exchange, status, page());
  else sendJson(exchange, status, json);
}

/** What legacy says of each of its pages; a facade keeps it, or caches on the way would treat the two sides differently. */
const legacyCaching = 'no-store, no-cache, must-revalidate';

/** Trimmed; of a repeated parameter the last, as PHP takes it; '' when it is missing. */
function parameter({ url }: Exchange, name: string): string {
  return url.searchParams.getAll(name).at(-1)?.trim() ?? '';
}

function pageNumber(text: string): number {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 1;
}

function frameOf({ secret }: FacadePorts, { request, url }: Exchange): Frame {
  const signed = request.headers[strangler.user];
  const user = typeof signed === 'string' ? verifySignedUser(signed, secret) : undefined;
  return { origin: originOf(request), path: url.pathname, user };
}

const plainHost = /^([\w.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i;

/** `http://HOST` as the client wrote it; the socket's own address when it wrote nothing that could stand in a URL. */
function originOf({ headers: { host }, socket }: IncomingMessage): string {
  return host !== undefined && plainHost.test(host) ? `http://${host}` : `http://127.0.0.1:${socket.localPort}`;
}
