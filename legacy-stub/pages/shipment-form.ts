import { type Html, html } from '../html.ts';
import type { CustomerRow, ShipmentFields } from '../shipments.ts';
import { type Frame, layout } from './layout.ts';

export interface ShipmentFormContent {
  readonly title: string;
  /** The path that the form is posted to. */
  readonly action: string;
  readonly fields: ShipmentFields;
  readonly customers: readonly Pick<CustomerRow, 'id' | 'name'>[];
  /** A new shipment may bring the first lines of its packing list. */
  readonly withItems: boolean;
  readonly error?: string;
}

/** The form for a new shipment and for an existing one. */
export function shipmentFormPage(frame: Frame, content: ShipmentFormContent): string {
  const { fields } = content;
  return layout(
    frame,
    content.title,
    html`${content.error !== undefined && html`<p class="error">${content.error}</p>`}
<form class="sheet" method="post" action="${frame.origin}${content.action}">
<label>Customer <select name="customer_id">
<option value="">none</option>
${content.customers.map(
  ({ id, name }) => html`<option value="${id}"${id === fields.customer_id && html` selected`}>${name}</option>
`,
)}</select></label>
<label>From <input name="sender" maxlength="100" value="${fields.sender}"></label>
<label>To <input name="receiver" maxlength="100" value="${fields.receiver}"></label>
<label>Phone of receiver <input name="receiver_phone" maxlength="40" value="${fields.receiver_phone}"></label>
<label>Price <input name="price" value="${fields.price}"></label>
<label>Estimated arrival <input name="estimated_arrival" value="${fields.estimated_arrival}" placeholder="2025-12-24"></label>
${content.withItems && itemFields()}
<button>Save</button>
</form>`,
  );
}

function itemFields(): Html {
  const line = html`<p><input type="number" name="item_quantity[]" value="1" min="1" aria-label="Quantity">
<input name="item_description[]" maxlength="200" aria-label="Description"></p>
`;
  return html`<fieldset>
<legend>Packing list</legend>
${[line, line, line]}</fieldset>`;
}
