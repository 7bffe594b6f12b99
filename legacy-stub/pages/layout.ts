import { type Fragment, type Html, html } from '../html.ts';

/** What every page says about where it is and who looks at it. */
export interface Frame {
  /** `http://HOST`, without a trailing slash. */
  readonly origin: string;
  readonly path: string;
  readonly user: string | undefined;
}

/** A whole document: head with its canonical link, navigation, the page's own part. */
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
