import { type Fragment, type Html, html } from './html.ts';

/** What every page says about where it is and who looks at it. */
export interface Frame {
  /** `http://HOST`, without a trailing slash. */
  readonly origin: string;
  readonly path: string;
  readonly user: string | undefined;
}

/** A whole document in legacy's frame: its head, navigation and foot, which lead back to pages that legacy still serves. */
export function layout({ origin, path, user }: Frame, title: string, main: Fragment): string {
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – Acme Shipping</title>
<link rel="canonical" href="${origin}${path}">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
<p class="brand"><a href="${origin}/">Acme Shipping</a></p>
<nav>
<a href="${origin}/">Home</a>
<a href="${origin}/shipments">Shipments</a>
<a href="${origin}/customers">Customers</a>
${account(origin, user)}
</nav>
</header>
<main>
<h1>${title}</h1>
${main}
</main>
<footer><p>Acme Shipping, your parcels since 2009</p></footer>
</body>
</html>
`.text;
}

function account(origin: string, user: string | undefined): Html {
  if (user === undefined) return html`<a class="account" href="${origin}/login">Log in</a>`;
  return html`<span class="account">Signed in as <strong>${user}</strong> <a href="${origin}/logout">Log out</a></span>`;
}

/** The status as a coloured word. */
export function statusBadge(status: string): Html {
  return html`<span class="status ${status}">${status.replace('_', ' ')}</span>`;
}

const errorTitles: Readonly<Record<number, string>> = { 404: 'Not found' };

/** What went wrong, in legacy's words, and a way back. */
export function errorPage(frame: Frame, status: number, message: string): string {
  return layout(
    { ...frame, user: undefined },
    errorTitles[status] ?? 'That did not work',
    html`<p class="error">Error ${status}: ${message}</p>
<p><a href="${frame.origin}/shipments">Back to the shipments</a></p>`,
  );
}
