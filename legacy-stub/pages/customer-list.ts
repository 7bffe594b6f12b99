import { html } from '../html.ts';
import type { CustomerRow } from '../shipments.ts';
import { type Frame, layout } from './layout.ts';

export function customerListPage(frame: Frame, customers: readonly CustomerRow[]): string {
  return layout(
    frame,
    'Customers',
    html`<table>
<thead><tr><th>No.</th><th>Name</th><th>City</th><th>E-mail</th></tr></thead>
<tbody>
${customers.map(
  ({ id, name, city, email }) =>
    html`<tr><td>${id}</td><td><a href="${frame.origin}/customers/${id}">${name}</a></td><td>${city}</td><td>${email}</td></tr>
`,
)}</tbody>
</table>`,
  );
}
