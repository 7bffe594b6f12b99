/** `5; url=http://…`, as HTML defines it: seconds, `;` or `,` or a space, `url=` or nothing, the URL in quotes or without. */
const refresh = /^(\s*[\d.]+\s*[;,\s]\s*(?:url\s*=\s*)?)(?:"([^"]*)(".*)|'([^']*)('.*)|(.*))$/is;

/** A Refresh field's value with its URL given through `change`. https://html.spec.whatwg.org/#shared-declarative-refresh-steps */
export function changeRefresh(value: string, change: (url: string) => string): string {
  const found = refresh.exec(value);
  if (!found) return value;
  const [, start, double, doubleEnd, single, singleEnd, bare = ''] = found;
  if (double !== undefined) return `${start}"${change(double)}${doubleEnd}`;
  if (single !== undefined) return `${start}'${change(single)}${singleEnd}`;
  return start + change(bare);
}
