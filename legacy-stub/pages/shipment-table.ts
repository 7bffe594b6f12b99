import { type Html, html } from '../html.ts';
import type { ShipmentRow } from '../shipments.ts';
import type { Frame } from './layout.ts';

/** Shipments as rows of a table, each linked to its page. */
export function shipmentTable(frame: Frame, shipments: readonly ShipmentRow[]): Html {
  if (shipments.length === 0) return html`<p>No shipments found.</p>`;
  return html`<table>
<thead><tr><th>No.</th><th>Customer</th><th>From</th><th>To</th><th>Status</th><th>Price</th><th>Arrives</th></tr></thead>
<tbody>
${shipments.map((shipment) => tableRow(frame, shipment))}</tbody>
</table>`;
}

function tableRow({ origin }: Frame, shipment: ShipmentRow): Html {
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

/** The status as a coloured word. */
export function statusBadge(status: string): Html {
  return html`<span class="status ${status}">${status.replace('_', ' ')}</span>`;
}
