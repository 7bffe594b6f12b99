import { html } from '../html.ts';
import type { ShipmentRow } from '../shipments.ts';
import { type Frame, layout } from './layout.ts';
import { shipmentTable } from './shipment-table.ts';

/** The counters and the newest shipments on the first page. */
export interface HomeContent {
  readonly customers: number;
  readonly shipments: number;
  readonly byStatus: readonly { status: string; count: number }[];
  readonly latest: readonly ShipmentRow[];
}

export function homePage(frame: Frame, { customers, shipments, byStatus, latest }: HomeContent): string {
  return layout(
    frame,
    'Home',
    html`<p>We look after ${shipments} shipments of ${customers} customers.</p>
<ul class="counters">
${byStatus.map(
  ({ status, count }) =>
    html`<li><a href="${frame.origin}/shipments?status=${status}"><strong>${count}</strong> ${status.replace('_', ' ')}</a></li>
`,
)}</ul>
<h2>Latest shipments</h2>
${shipmentTable(frame, latest)}`,
  );
}
