import { type Html, html } from '../html.ts';
import { type ShipmentFilter, type ShipmentRow, shipmentStatuses } from '../shipments.ts';
import { type Frame, layout } from './layout.ts';
import { shipmentTable } from './shipment-table.ts';

export interface ShipmentListContent {
  readonly shipments: readonly ShipmentRow[];
  readonly total: number;
  readonly page: number;
  readonly pages: number;
  readonly filter: ShipmentFilter;
}

/** The search form, the matching shipments, newest first, and the way to the other pages. */
export function shipmentListPage(frame: Frame, content: ShipmentListContent): string {
  return layout(
    frame,
    'Shipments',
    html`${searchForm(frame, content.filter)}
<p>${content.total} shipments. <a href="${frame.origin}/shipments/new">New shipment</a> ·
<a href="${frame.origin}/shipments.csv${query(content.filter)}">Download as CSV</a></p>
${shipmentTable(frame, content.shipments)}
${pager(frame, content)}`,
  );
}

function searchForm({ origin }: Frame, { q, status }: ShipmentFilter): Html {
  return html`<form class="search" method="get" action="${origin}/shipments">
<label>Sender or receiver <input type="search" name="q" value="${q}"></label>
<label>Status <select name="status">
<option value="">any</option>
${shipmentStatuses.map(
  (each) => html`<option value="${each}"${each === status && html` selected`}>${each.replace('_', ' ')}</option>
`,
)}</select></label>
<button>Search</button>
</form>`;
}

function pager({ origin }: Frame, { page, pages, filter }: ShipmentListContent): Html {
  const link = (to: number, text: string) => html`<a href="${origin}/shipments${query(filter, to)}">${text}</a>`;
  return html`<p class="pager">${page > 1 && link(page - 1, '← Newer')} Page ${page} of ${pages}
${page < pages && link(page + 1, 'Older →')}</p>`;
}

function query({ q, status }: ShipmentFilter, page?: number): string {
  const parameters = new URLSearchParams();
  if (q !== '') parameters.set('q', q);
  if (status !== '') parameters.set('status', status);
  if (page !== undefined) parameters.set('page', String(page));
  return parameters.size === 0 ? '' : `?${parameters}`;
}
