import { statuses } from '../../shipments/decider/shipment.ts';
import { type Html, html } from './html.ts';
import { type Frame, layout, statusBadge } from './layout.ts';
import type { LegacyDetails } from './legacy-row.ts';

/** One shipment with its packing list and notes. Who is signed in gets the forms, whose posts legacy still takes. */
export function shipmentPage(frame: Frame, shipment: LegacyDetails): string {
  const forms = frame.user !== undefined;
  const url = `${frame.origin}/shipments/${shipment.id}`;
  return layout(
    frame,
    `Shipment ${shipment.id}`,
    html`${facts(frame, shipment)}
${forms && actions(url, shipment)}
<section>
<h2>Packing list</h2>
${packingList(shipment)}
${forms && itemForm(url)}
</section>
<section>
<h2>Notes</h2>
${notes(shipment)}
${forms && noteForm(url)}
</section>
${!forms && html`<p><a href="${frame.origin}/login?next=/shipments/${shipment.id}">Log in</a> to change this shipment.</p>`}`,
  );
}

function facts({ origin }: Frame, shipment: LegacyDetails): Html {
  return html`<dl>
<dt>Status</dt><dd>${statusBadge(shipment.shipment_status)}</dd>
<dt>Customer</dt><dd>${customer(origin, shipment)}</dd>
<dt>From</dt><dd>${shipment.sender}</dd>
<dt>To</dt><dd>${shipment.receiver}</dd>
<dt>Phone</dt><dd>${shipment.receiver_phone ?? '–'}</dd>
<dt>Price</dt><dd>${shipment.price}</dd>
<dt>Estimated arrival</dt><dd>${shipment.estimated_arrival ?? '–'}</dd>
<dt>Document</dt><dd>${documentLink(origin, shipment)}</dd>
<dt>Created</dt><dd>${shipment.created_at}</dd>
<dt>Last changed</dt><dd>${shipment.updated_at}</dd>
</dl>`;
}

function customer(origin: string, { customer_id, customer_name }: LegacyDetails): Html | string {
  if (customer_id === null) return '–';
  return html`<a href="${origin}/customers/${customer_id}">${customer_name ?? `No. ${customer_id}`}</a>`;
}

function documentLink(origin: string, { document }: LegacyDetails): Html | string {
  return document === null ? '–' : html`<a href="${origin}/documents/${encodeURIComponent(document)}">${document}</a>`;
}

function actions(url: string, { shipment_status }: LegacyDetails): Html {
  return html`<section class="actions">
<form method="post" action="${url}/status">
<label>Status <select name="status">
${statuses.map((status) => html`<option value="${status}"${status === shipment_status && html` selected`}>${status.replace('_', ' ')}</option>\n`)}</select></label>
<button>Change status</button>
</form>
<form method="post" action="${url}/document" enctype="multipart/form-data">
<label>Document <input type="file" name="document" required></label>
<button>Upload</button>
</form>
<p><a href="${url}/edit">Edit</a> · <a href="${url}/delete">Delete</a></p>
</section>`;
}

function packingList({ packing_list }: LegacyDetails): Html {
  if (packing_list.length === 0) return html`<p>Nothing is on the packing list.</p>`;
  return html`<table>
<thead><tr><th>Quantity</th><th>Description</th></tr></thead>
<tbody>
${packing_list.map(({ quantity, description }) => html`<tr><td class="number">${quantity}</td><td>${description}</td></tr>\n`)}</tbody>
</table>`;
}

function itemForm(url: string): Html {
  return html`<form method="post" action="${url}/items">
<label>Quantity <input type="number" name="quantity" value="1" min="1"></label>
<label>Description <input name="description" maxlength="200" required></label>
<button>Add</button>
</form>`;
}

function notes({ notes }: LegacyDetails): Html {
  if (notes.length === 0) return html`<p>There are no notes.</p>`;
  return html`<ul class="notes">
${notes.map(({ author, body, created_at }) => html`<li><p>${body}</p><p class="by">${author}, ${created_at}</p></li>\n`)}</ul>`;
}

function noteForm(url: string): Html {
  return html`<form method="post" action="${url}/notes">
<label>Note <textarea name="body" rows="3" cols="50" required></textarea></label>
<button>Add note</button>
</form>`;
}
