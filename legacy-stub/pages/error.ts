import { html } from '../html.ts';
import { type Frame, layout } from './layout.ts';

const titles: Readonly<Record<number, string>> = { 404: 'Not found', 500: 'Something went wrong' };

/** What went wrong, in the client's words, and a way back. */
export function errorPage(frame: Frame, status: number, message: string): string {
  return layout(
    frame,
    titles[status] ?? 'That did not work',
    html`<p class="error">Error ${status}: ${message}</p>
<p><a href="${frame.origin}/shipments">Back to the shipments</a></p>`,
  );
}
