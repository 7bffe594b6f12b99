import { html } from '../html.ts';
import type { CustomerRow, ShipmentRow } from '../shipments.ts';
import { type Frame, layout } from './layout.ts';
import { shipmentTable } from './shipment-table.ts';

/** A customer and the newest of their shipments. */
export function customerPage(frame: Frame, customer: CustomerRow, shipments: readonly ShipmentRow[]): string {
  return layout(
    frame,
    customer.name,
    html`<dl>
<dt>E-mail</dt><dd>${customer.email ?? '–'}</dd>
<dt>City</dt><dd>${customer.city ?? '–'}</dd>
<dt>Customer since</dt><dd>${customer.created_at}</dd>
</dl>
<h2>Shipments</h2>
${shipmentTable(frame, shipments)}`,
  );
}
