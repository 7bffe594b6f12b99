import { statuses } from '../../shipments/decider/shipment.ts';
import { type Html, html } from './html.ts';
import { type Frame, layout, statusBadge } from './layout.ts';
import type { LegacyRow } from './legacy-row.ts';

/** What the list is narrowed to; '' means not at all. */
export interface ListFilter {
  readonly q: string;
  readonly status: string;
}

/** One page of the list. */
export interface ListContent {
  readonly shipments: readonly LegacyRow[];
  readonly total: number;
  readonly page: number;
  readonly pages: number;
  readonly filter: ListFilter;
}

/** The search form, the matching shipments, newest first, and the way to the other pages. */
export function shipmentListPage(frame: Frame, content: ListContent): string {
  return layout(
    frame,
    'Shipments',
    html`${searchForm(frame, content.filter)}
<p>${content.total} shipments. <a href="${frame.origin}/shipments/new">New shipment</a> ·
<a href="${frame.origin}/shipments.csv${query(content.filter)}">Download as CSV</a></p>
${table(frame, content.shipments)}
${pager(frame, content)}`,
  );
}

function searchForm({ origin }: Frame, { q, status }: ListFilter): Html {
  return html`<form class="search" method="get" action="${origin}/shipments">
<label>Sender or receiver <input type="search" name="q" value="${q}"></label>
<label>Status <select name="status">
<option value="">any</option>
${statuses.map((each) => html`<option value="${each}"${each === status && html` selected`}>${each.replace('_', ' ')}</option>\n`)}</select></label>
<button>Search</button>
</form>`;
}

function table(frame: Frame, shipments: readonly LegacyRow[]): Html {
  if (shipments.length === 0) return html`<p>No shipments found.</p>`;
  return html`<table>
<thead><tr><th>No.</th><th>Customer</th><th>From</th><th>To</th><th>Status</th><th>Price</th><th>Arrives</th></tr></thead>
<tbody>
${shipments.map((shipment) => tableRow(frame, shipment))}</tbody>
</table>`;
}

function tableRow({ origin }: Frame, shipment: LegacyRow): Html {
  return html`<tr>
<td><a href="${origin}/shipments/${shipment.id}">${shipment.id}</a></td>
<td>${shipment.customer_name}</td>
<td>${shipment.sender}</td>
<td>${shipment.receiver}</td>
<td>${statusBadge(shipment.shipment_status)}</td>
<td class="number">${shipment.price}</td>
<td>${shipment.estimated_arrival}</td>
</tr>
`;
}

function pager({ origin }: Frame, { page, pages, filter }: ListContent): Html {
  const link = (to: number, text: string) => html`<a href="${origin}/shipments${query(filter, to)}">${text}</a>`;
  return html`<p class="pager">${page > 1 && link(page - 1, '← Newer')} Page ${page} of ${pages}
${page < pages && link(page + 1, 'Older →')}</p>`;
}

function query({ q, status }: ListFilter, page?: number): string {
  const parameters = new URLSearchParams();
  if (q !== '') parameters.set('q', q);
  if (status !== '') parameters.set('status', status);
  if (page !== undefined) parameters.set('page', String(page));
  return parameters.size === 0 ? '' : `?${parameters}`;
}
