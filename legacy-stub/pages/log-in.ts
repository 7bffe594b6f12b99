import { html } from '../html.ts';
import { type Frame, layout } from './layout.ts';

/** The log-in form. `next` is the path to go on to; `error` says why the last attempt failed. */
export function logInPage(frame: Frame, next: string, error?: string): string {
  return layout(
    frame,
    'Log in',
    html`${error !== undefined && html`<p class="error">${error}</p>`}
<form class="sheet" method="post" action="${frame.origin}/login">
<label>User <input name="user" autocomplete="username" required></label>
<label>Password <input type="password" name="password" autocomplete="current-password" required></label>
<input type="hidden" name="next" value="${next}">
<button>Log in</button>
</form>`,
  );
}
