/** The route table of the comparison: a hundred routes over path, header and cookie. Requests of the load meet the last of them. */
export interface BenchRoute {
  readonly path: string;
  readonly header?: readonly [name: string, value: string];
  readonly cookie?: readonly [name: string, value: string];
}

/** The path that is asked for: its last segment says how many bytes the answer has. */
const pathOf = (bytes: number): string => `/shop/orders/${bytes}`;

/** Fields of every request: those that the last routes ask for among those of a browser. */
const requestFields = [
  'host: shop.example',
  'user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
  'accept: application/json',
  'accept-language: en-GB,en;q=0.9',
  'x-version: 2',
  'cookie: theme=dark; beta=1; user=alice',
];

/** 98 routes on other paths, each third with a header and each third with a cookie, and two on the path asked for. */
export const hundredRoutes: readonly BenchRoute[] = [
  ...Array.from({ length: 98 }, (_, n): BenchRoute => {
    const path = `/area-${Math.floor(n / 10)}/section-${n}`;
    if (n % 3 === 1) return { path, header: ['x-version', String(n)] };
    return n % 3 === 2 ? { path, cookie: ['beta', String(n)] } : { path };
  }),
  { path: '/shop/orders', header: ['x-version', '1'] },
  { path: '/shop/orders', header: ['x-version', '2'], cookie: ['beta', '1'] },
];

/** A GET as it stands on the wire, for an answer of so many bytes. */
export function getRequest(answerBytes: number): string {
  return `GET ${pathOf(answerBytes)} HTTP/1.1\r\n${requestFields.join('\r\n')}\r\n\r\n`;
}

/** A POST of so many bytes as it stands on the wire, for an answer of 1 KiB. */
export function postRequest(bytes: number): string {
  const fields = [...requestFields, 'content-type: text/plain', `content-length: ${bytes}`];
  return `POST ${pathOf(1_024)} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${'x'.repeat(bytes)}`;
}
