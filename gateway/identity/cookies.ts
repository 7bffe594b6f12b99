import { parseCookie } from 'cookie';

/** The cookies of a Cookie header, values percent-decoded where they are decodable. Of several with one name the first counts, as in PHP. */
export function readCookies(header: string | undefined): Readonly<Record<string, string>> {
  return header === undefined ? {} : (parseCookie(header) as Record<string, string>);
}
